"""Which refs hold merged code: those that ``production-refs`` lists, or the defaults of a CI system without the key.

A ref that anybody who can push may create (a tag, or one that only a wildcard lists) counts if it is protected, if its
commit lies on a production branch that is named exactly, or when the administrators write ``unprotected-refs: true``.
"""

import re

from image_builder_domain.configuration.production_ref import (
    BRANCH,
    TAG,
    NotProductionRef,
    ProductionRef,
    ProductionRefs,
    RefPattern,
    branch_ref,
)
from image_builder_domain.configuration.trust import TrustSettings
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.trust.history import History, OnBranch, history_hint
from image_builder_domain.trust.side import Listed, Listing, Unlisted

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*\*{0,2}")
"""What YAML takes for text without quotes, in a list as well."""
_VERSION = re.compile(rf"({TAG}v)\d[^/]*")


def listing(settings: TrustSettings, state: GitState) -> Listing:
    """Whether the ref of this push-like job is one that holds merged code."""
    listed = settings.production_refs
    return _by_default(state) if listed is None else _by_key(listed, state)


def _by_default(state: GitState) -> Listing:
    refs = state.claimed_refs
    if state.system is CiSystem.PROW and not state.starter_chooses:
        if state.job_type in (JobType.POSTSUBMIT, JobType.PERIODIC):
            return Listed(f"Prow's administrators run it as a {state.job_type.value}, and there are no production-refs")
    elif state.system is CiSystem.GITHUB and state.default_branch is not None:
        default = branch_ref(state.default_branch)
        if refs == (default,) and not state.is_fork:
            return Listed(f"{default} is the default branch, and there are no production-refs")
        what = "the default branch of a fork" if refs == (default,) else f"not the default branch ({default})"
        return _unlisted(state, None, f"there are no production-refs, and {_shown(refs)} is {what}")
    reason = "there are no production-refs, and nothing else says which refs hold merged code"
    return _unlisted(state, None, reason, is_refused=True)


def _by_key(listed: ProductionRefs, state: GitState) -> Listing:
    refs = state.claimed_refs
    if not refs or state.repository is None:
        missing = "ref" if state.repository is not None else "repository"
        return Unlisted(
            f"its {missing} is unknown", is_refused=True, remedy="set the variables that docs/ci-systems.md lists"
        )
    found = [listed.match(state.host or "", state.repository, ref) for ref in refs]
    for one in found:
        if isinstance(one, NotProductionRef):
            return _unlisted(state, listed, str(one), one.key or "", one.nearest)
    matched = [one for one in found if isinstance(one, ProductionRef)]
    first, is_tag = matched[0], refs[0].startswith(TAG)
    if state.is_fork and first.key.endswith("*"):
        return _unlisted(state, listed, f"it is a fork, which the key {first.key!r} does not cover", first.key)
    reason = f"{_shown(refs)} of {state.repository} is listed as {first.pattern!r} for {first.key!r}"
    is_open = is_tag or any(one.through_wildcard for one in matched)
    return Listed(reason, first.key, first.pattern, is_tag, is_open)


def _unlisted(
    state: GitState,
    listed: ProductionRefs | None,
    reason: str,
    key: str = "",
    nearest: str = "",
    *,
    is_refused: bool = False,
) -> Unlisted:
    is_tag = all(ref.startswith(TAG) for ref in state.claimed_refs)
    return Unlisted(reason, key, nearest, is_refused or is_tag, _line(state, listed, key))


# --- refs that anybody who can push may create --------------------------------------------------------------------


def proven(settings: TrustSettings, state: GitState, found: Listed, history: History) -> Listing:
    """The same if somebody responsible made the ref, else why not. ``history`` answers :func:`exact_branches`."""
    if not found.needs_proof or state.is_protected or settings.unprotected_refs:
        return found
    answers = {branch: history.get(branch, OnBranch.UNREADABLE) for branch in exact_branches(settings, found)}
    if OnBranch.YES in answers.values():
        return found
    protection = "it is not protected" if state.is_protected is False else "nothing says whether it is protected"
    lies = "; ".join(f"{branch}: {answer.value}" for branch, answer in answers.items()) or "the key lists none"
    hints = dict.fromkeys(filter(None, (history_hint(answer, state.system) for answer in answers.values())))
    what = "a tag" if found.is_tag else "a ref that is listed through a *"
    return Unlisted(
        f"{found.reason}, but everybody may create {what}: {protection}, and nothing proves that its commit lies on an "
        f"exactly named production branch ({lies})",
        found.key,
        found.pattern,
        found.is_tag,
        "; ".join((*hints, "protect it, or add the line 'unprotected-refs: true'")),
    )


def exact_branches(settings: TrustSettings, found: Listed) -> tuple[str, ...]:
    """The branches, by their short names, that the key which counts lists without a wildcard."""
    listed = settings.production_refs
    patterns = listed.entries.get(found.key, ()) if listed is not None else ()
    named = (pattern.full for pattern in patterns if not pattern.has_wildcard)
    return tuple(dict.fromkeys(ref.removeprefix(BRANCH) for ref in named if ref.startswith(BRANCH)))


# --- the line to add ----------------------------------------------------------------------------------------------


def _line(state: GitState, listed: ProductionRefs | None, key: str) -> str:
    """How to make the ref production: one line of YAML, with what the repository's key lists already."""
    written = [pattern.text for pattern in listed.entries[key]] if listed is not None and key else []
    wanted = [_pattern(ref) for ref in state.claimed_refs]
    patterns = ", ".join(map(_quoted, dict.fromkeys((*written, *wanted))))
    own = f"{key if key and '*' not in key else state.repository}: [{patterns}]"
    if listed is None:
        return f"if this ref holds merged code, add the line 'production-refs: {{{own}}}'"
    return f"if this ref holds merged code, write the line '{own}' below production-refs"


def _pattern(ref: str) -> str:
    """As an administrator would write it: a branch by its name, and all versions where a tag is one."""
    version = _VERSION.fullmatch(ref)
    if version is not None:
        return f"{version[1]}*"
    name = ref.removeprefix(BRANCH)
    is_plain = ref.startswith(BRANCH) and not name.startswith("refs/")
    return name if is_plain and isinstance(RefPattern.parse(name).value_or(None), RefPattern) else ref


def _quoted(pattern: str) -> str:
    return pattern if _PLAIN.fullmatch(pattern) else "'" + pattern.replace("'", "''") + "'"


def _shown(refs: tuple[str, ...]) -> str:
    """The refs in a sentence; strangers choose their names, so each is cut."""
    return " or ".join(ref[:200] for ref in refs) or "an unknown ref"
