"""Prow jobs: the variables that Prow's pod utilities set (``JOB_TYPE``, ``REPO_OWNER``, ``PULL_BASE_SHA``, …).

``JOB_SPEC`` and ``PULL_REFS`` say the same once more; where they are there they must agree, so that no single variable
can turn a pull request into something else.
"""

from collections.abc import Mapping
from dataclasses import replace

from returns.result import Failure, Result, Success

from image_builder_domain.job import prow_record, variable
from image_builder_domain.job.job_type import JobType
from image_builder_domain.job.state import CiSystem, GitState
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problem, Problems, problems_of, refuse, together

_PROW = CiSystem.PROW
_TYPES = {
    job_type.value: job_type for job_type in (JobType.PRESUBMIT, JobType.POSTSUBMIT, JobType.BATCH, JobType.PERIODIC)
}


def read(environment: Mapping[str, str], commit: str | None, repository: str | None) -> Result[GitState, Problems]:
    """The state of a job; ``commit`` (the working copy's) and ``repository`` (``--repo``) serve periodic jobs alone."""
    given = {name: value for name, value in environment.items() if value}
    job_type = _job_type(given)
    if isinstance(job_type, Failure):  # the variables that most jobs have are worth checking all the same
        return Failure(problems_of(together(job_type, _names(given), _sha(given, "PULL_BASE_SHA"))))
    if job_type.unwrap() is JobType.PERIODIC:
        from image_builder_domain.job import prow_periodic

        return prow_periodic.read(given, commit, repository)
    state = _state(given, job_type.unwrap())
    return together(state, state.bind(lambda found: prow_record.cross_checked(given, found))).map(
        lambda both: _placed(given, replace(both[0], host=prow_record.host(given)))
    )


def _placed(given: Mapping[str, str], state: GitState) -> GitState:
    """Outside Prow the starter chooses, and may write a full ref, which is what it says: Prow has short names alone."""
    if prow_record.is_set_by_prow(given):
        return state
    is_pushed = state.job_type is JobType.POSTSUBMIT
    ref = variable.whole_ref(state.base_ref) if is_pushed else None
    return replace(state, base_ref=variable.short_ref(state.base_ref), ref=ref, starter_chooses=True)


def _state(given: Mapping[str, str], job_type: JobType) -> Result[GitState, Problems]:
    base = together(_names(given), _sha(given, "PULL_BASE_SHA"))
    if job_type is JobType.PRESUBMIT:
        pull = together(variable.pull_number(given, "PULL_NUMBER", _PROW), _sha(given, "PULL_PULL_SHA"))
        return together(base, pull).map(lambda found: _presubmit(given, *found[0], *found[1]))
    alone = together(base, _no_pull(given, job_type))
    if job_type is JobType.BATCH:
        return together(alone, prow_record.pull_refs(given)).map(
            lambda found: _pushed(given, job_type, *found[0][0], pull_refs=found[1])
        )
    return alone.map(lambda found: _pushed(given, job_type, *found[0]))


def _pushed(
    given: Mapping[str, str], job_type: JobType, names: tuple[str, str], base: str, pull_refs: str | None = None
) -> GitState:
    return GitState(
        _PROW,
        job_type,
        None if job_type is JobType.BATCH else base,
        *names,
        base_ref=given.get("PULL_BASE_REF"),
        base_sha=base,
        pull_refs=pull_refs,
    )


def _presubmit(given: Mapping[str, str], names: tuple[str, str], base: str, number: int, head: str) -> GitState:
    return GitState(
        _PROW,
        JobType.PRESUBMIT,
        head,
        *names,
        pull_number=number,
        base_ref=given.get("PULL_BASE_REF"),
        base_sha=base,
        head_sha=head,
        head_ref=given.get("PULL_HEAD_REF"),
    )


def _job_type(given: Mapping[str, str]) -> Result[JobType, Problems]:
    def known(word: str) -> Result[JobType, Problems]:
        if word not in _TYPES:
            return refuse("JOB_TYPE", f"{word!r} is no job type", nearest(word, _TYPES))
        return Success(_TYPES[word])

    return variable.required(given, "JOB_TYPE", _PROW).bind(known)


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    both = together(variable.required(given, "REPO_OWNER", _PROW), variable.required(given, "REPO_NAME", _PROW))
    return both.bind(lambda names: variable.repository(*names, "REPO_OWNER, REPO_NAME"))


def _sha(given: Mapping[str, str], name: str) -> Result[str, Problems]:
    return variable.sha(given, name, _PROW)


def _no_pull(given: Mapping[str, str], job_type: JobType) -> Result[None, Problems]:
    """A job of another type that carries a pull request contradicts itself."""
    pulls = [name for name in ("PULL_NUMBER", "PULL_PULL_SHA") if name in given]
    if pulls:
        what = f"set in a {job_type.value} job"
        return Failure((Problem(", ".join(pulls), what, "a pull request is built by a presubmit job"),))
    return Success(None)
