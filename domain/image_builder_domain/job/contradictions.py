"""Contradictions to the claim of merged code: marks of unmerged code, and variables of a second CI system.

A mark is a variable, of any CI system, that says a proposed change is being built. A job that claims
merged code and has a mark contradicts itself and is refused. So neither an added variable nor an unusual way to build
a pull request makes it production.
"""

import re
from collections.abc import Mapping

from returns.result import Failure, Result, Success

from image_builder_domain.job.git_state import PROW_MARKS, GitState, JobType
from image_builder_domain.job.known_system import REFS, marks_in, systems_in
from image_builder_domain.json_object import json_object
from image_builder_domain.problem import Problem, Problems

# A push to a merge queue's own branch is a push of code that is not merged yet.
_UNMERGED_REF = (
    r"(?:refs/heads/|refs/|remotes/|origin/)*"
    r"(?:(?:pull|pull-requests|merge-requests|pr)/\d+/(?:head|merge|from|train)|changes/\d\d/\d+/\d+"
    r"|gh-readonly-queue/.*)"
    r"|(?:origin/)?(?:PR|MR)-\d+(?:-head|-merge)?"
)


def unmarked(environment: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    """Success unless a variable contradicts a job of a trusted class; the problem names the variables."""
    given = {name: value for name, value in environment.items() if value}
    marks = _marks(given, state)
    if marks:
        is_local = state.job_type is JobType.LOCAL
        job = "no CI system is recognised" if is_local else f"this is a {state.job_type.value} job"
        what = f"this says that the code is not merged, but {job}"
        remedy = "set CI=true in a CI job, or unset it" if is_local else "run this job for merged code only"
        return Failure((Problem(", ".join(marks), what, remedy),))
    return _of_one_system(given)


def _of_one_system(given: Mapping[str, str]) -> Result[None, Problems]:
    """Refuse variables of a second CI system; in Prow's names, which the starter of a job can set, of any system.

    Elsewhere only the systems count that Image Builder reads by itself, because some systems run jobs of others: AWS
    CodeBuild runs jobs of GitHub Actions, and leaves its own variables there.
    """
    is_declared = all(name in given for name in PROW_MARKS)
    found = {system.name: name for system, name in systems_in(given).items() if is_declared or system.own is not None}
    if len(found) <= 1:
        return Success(None)
    what = f"these are variables of different CI systems: {', '.join(found)}"
    remedy = "pass on only those of the system that runs the job"
    return Failure((Problem(", ".join(found.values()), what, remedy),))


def _marks(given: Mapping[str, str], state: GitState) -> list[str]:
    return [
        *marks_in(given),
        *(name for name in REFS if _is_unmerged(given.get(name, ""))),
        *([f"the branch {state.base_ref!r}"] if _is_unmerged(state.base_ref or "") else []),
        *(["GERRIT_CHANGE_NUMBER"] if _is_open_change(given) else []),
        *(["PULL_REFS"] if "," in given.get("PULL_REFS", "") else []),
        *(["JOB_SPEC"] if _carries_pulls(given.get("JOB_SPEC", "")) else []),
    ]


def _is_unmerged(ref: str) -> bool:
    if not any(character.isdigit() for character in ref) and "gh-readonly-queue/" not in ref:
        return False  # most branches: the expression costs more than all the rest
    return re.fullmatch(_UNMERGED_REF, ref, re.DOTALL) is not None


def _is_open_change(given: Mapping[str, str]) -> bool:
    """Gerrit sets this variable before and after it merges a change."""
    return "GERRIT_CHANGE_NUMBER" in given and given.get("GERRIT_EVENT_TYPE") != "change-merged"


def _carries_pulls(text: str) -> bool:
    """Whether anything that was checked out holds pull requests; what cannot be read is not trusted."""
    if not text:
        return False
    spec = json_object(text, strict=True).value_or(None)
    if spec is None:
        return True
    places = (spec.get("refs"), spec.get("extra_refs"))
    every = [found for place in places for found in (place if isinstance(place, list) else [place])]
    return any(not isinstance(found, dict) or bool(found.get("pulls")) for found in every if found)
