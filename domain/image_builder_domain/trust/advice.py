"""Advice about entries of ``production-refs`` that are valid but probably mistakes."""

import re
from collections.abc import Iterator

from image_builder_domain.configuration.file import Configuration
from image_builder_domain.job.state import GitState
from image_builder_domain.problem import Problem
from image_builder_domain.trust.production_ref import BRANCH, RefPattern, names_host

_USUAL_DEFAULTS = {"main": "master", "master": "main"}
_EVERY_BRANCH = re.compile(rf"{BRANCH}\*+")
_VERSION = re.compile(rf"{BRANCH}(v[0-9.]*\*.*)")
_FOLDER = re.compile(rf"{BRANCH}(releases?|hotfix|support|maintenance|stable)")


def advise(configuration: Configuration, state: GitState | None) -> Iterator[Problem]:
    """One piece of advice for each probable mistake; ``state`` is of this job, None where it is unknown."""
    listed = configuration.trust.production_refs
    if listed is None:
        return
    for key, patterns in listed.entries.items():
        where = f"production-refs.{key}"
        host = names_host(key)
        if host is not None and state is not None and state.host is not None and host != state.host.lower():
            what = f"the key is for {host}, and the repository of this job lies on {state.host}"
            yield Problem(where, what, "leave the host out, or write that of the job")
        for pattern in patterns:
            yield from _about(where, pattern)
        yield from _other_default(where, patterns, state)


def _about(where: str, pattern: RefPattern) -> Iterator[Problem]:
    version, folder = _VERSION.fullmatch(pattern.full), _FOLDER.fullmatch(pattern.full)
    if _EVERY_BRANCH.fullmatch(pattern.full):
        yield Problem(where, f"{pattern.text!r} lists branches that anybody may push", "name the branches")
    if version is not None:
        yield Problem(where, f"{pattern.text!r} lists branches, not tags", f"for tags write refs/tags/{version[1]}")
    if folder is not None:
        what = f"{pattern.text!r} is one branch of this name, and lists none below it"
        yield Problem(where, what, f"for these write {folder[1]}/*")


def _other_default(where: str, patterns: tuple[RefPattern, ...], state: GitState | None) -> Iterator[Problem]:
    default = state.default_branch if state is not None else None
    other = _USUAL_DEFAULTS.get(default or "")
    if other is None or any(pattern.matches(f"{BRANCH}{default}") for pattern in patterns):
        return
    if any(pattern.full == f"{BRANCH}{other}" for pattern in patterns):
        yield Problem(where, f"{other!r} is listed, and the default branch is {default!r}", f"write {default}")
