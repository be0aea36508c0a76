"""What the command line knows but this version cannot do yet: refused by name, never ignored."""

from collections.abc import Iterable
from typing import Final

from image_builder_domain.problem import Problem

_FLAGS: Final = ("report",)
_VERBS: Final = ("verify", "doctor", "schema")


def unsupported(verb: str, given: Iterable[str]) -> tuple[Problem, ...]:
    """A problem for each verb, flag or backend that comes with a later version."""
    what, remedy = "not supported yet", "see the status table in the README"
    verbs = (Problem(verb, f"this mode is {what}", remedy),) if verb in _VERBS else ()
    named = tuple(Problem(f"--{name}", what, remedy) for name in _FLAGS if name in given)
    return (*verbs, *named)
