"""What the command line knows but this version cannot do yet: refused by name, never ignored."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from image_builder_domain.problem import Problem

if TYPE_CHECKING:
    from image_builder_domain.plan import Plan

_FLAGS: Final = ("report",)
_VERBS: Final = ("verify", "doctor", "schema")
_BUILDS_FIRST: Final = ("build", "plan")


def unsupported(
    verb: str, given: Iterable[str], flags: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Problem, ...]:
    """A problem for each verb, flag or backend that comes with a later version."""
    what, remedy = "not supported yet", "see the status table in the README"
    verbs = (Problem(verb, f"this mode is {what}", remedy),) if verb in _VERBS else ()
    named = tuple(Problem(f"--{name}", what, remedy) for name in _FLAGS if name in given)
    if verb not in _BUILDS_FIRST or flags["build-in-ado"] or flags["backend"] == "ado":
        return (*verbs, *named)
    return (*verbs, *named, *_backend(flags["backend"], environment))


def unsupported_signers(plan: "Plan") -> tuple[Problem, ...]:
    """A problem for each signer that should sign and whose type has no adapter yet."""
    return tuple(
        Problem(
            choice.definition.where,
            f"signers of type {choice.definition.type!r} are not supported yet",
            "use type notary",
        )
        for choice in plan.signers
        if choice.chosen and choice.definition.type != "notary"
    )


def _backend(asked: str | None, environment: Mapping[str, str]) -> tuple[Problem, ...]:
    use_buildkit = environment.get("USE_BUILDKIT", "")
    if use_buildkit not in ("", "true", "false"):
        return (Problem("USE_BUILDKIT", f"{use_buildkit!r} is neither true nor false", "set it to true"),)
    chosen = "buildkit" if use_buildkit == "true" else "kaniko" if use_buildkit == "false" else None
    if asked is not None and chosen is not None and asked != chosen:
        what = f"{asked} contradicts USE_BUILDKIT={use_buildkit}"
        return (Problem("--backend", what, "change one of them"),)
    backend = asked or chosen or "kaniko"
    if backend == "buildkit":
        return ()
    what = f"the backend {backend} is not supported yet"
    return (Problem("--backend", what, "set USE_BUILDKIT=true, or --backend buildkit"),)
