"""What the command line knows but this version cannot do yet: refused by name, never ignored."""

from typing import Final

from image_builder_domain.problem import Problem

_VERBS: Final = ("doctor",)


def unsupported(verb: str) -> tuple[Problem, ...]:
    """A problem for a verb that comes with a later version."""
    what, remedy = "not supported yet", "see the status table in the README"
    return (Problem(verb, f"this mode is {what}", remedy),) if verb in _VERBS else ()
