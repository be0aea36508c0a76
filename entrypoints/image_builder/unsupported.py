"""What the command line knows but this version cannot do yet: refused by name, never ignored."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from image_builder_domain.problem import Problem

_FLAGS: Final = (
    "build-in-ado",
    "ado-preview-run",
    "ado-preview-run-yaml-path",
    "ado-preview-output",
    "test-kaniko-build-config",
)
_VERBS: Final = ("preview",)
_BUILDS_FIRST: Final = ("build", "plan")


def unsupported(verb: str, given: Iterable[str], flags: Mapping[str, Any]) -> tuple[Problem, ...]:
    """A problem for each verb, flag or backend that comes with a later version."""
    what, remedy = "not supported yet", "see the status table in the README"
    verbs = (Problem(verb, f"this mode is {what}", remedy),) if verb in _VERBS else ()
    named = tuple(Problem(f"--{name}", what, remedy) for name in _FLAGS if name in given)
    if verb not in _BUILDS_FIRST or flags["parse-tags-only"]:
        return (*verbs, *named)
    return (*verbs, *named, *_remote(flags["backend"]))


def _remote(backend: str | None) -> tuple[Problem, ...]:
    what, remedy = "the backend ado is not supported yet", "choose buildkit or kaniko"
    return (Problem("--backend", what, remedy),) if backend == "ado" else ()
