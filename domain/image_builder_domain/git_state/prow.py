"""Prow jobs: the variables that Prow's pod utilities set (``JOB_TYPE``, ``REPO_OWNER``, ``PULL_BASE_SHA``, …).

``JOB_SPEC`` says the same once more; where both are there they must agree, so that no single variable can turn a pull
request into something else.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from returns.result import Failure, Result, Success

from image_builder_domain.git_state.state import CiSystem, GitState, is_repository, is_sha
from image_builder_domain.job_type import JobType
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problem, Problems, every, located, refuse, together

MARKS = ("REPO_OWNER", "REPO_NAME", "JOB_TYPE")

_TYPES = {"presubmit": JobType.PRESUBMIT, "postsubmit": JobType.POSTSUBMIT}
_LATER = ("batch", "periodic")


def read(environment: Mapping[str, str]) -> Result[GitState, Problems]:
    """The state of a presubmit or postsubmit job."""
    given = {name: value for name, value in environment.items() if value}
    job_type = _job_type(given)
    state = job_type.bind(lambda found: _state(given, found))
    if isinstance(job_type, Failure):  # the variables that every job has are worth checking all the same
        return together(job_type, _names(given), _sha(given, "PULL_BASE_SHA")).bind(lambda _: state)
    return together(state, state.bind(lambda found: _cross_checked(given, found))).map(lambda both: both[0])


def _state(given: Mapping[str, str], job_type: JobType) -> Result[GitState, Problems]:
    base = together(_names(given), _sha(given, "PULL_BASE_SHA"))
    if job_type is JobType.POSTSUBMIT:
        return together(base, _no_pull(given)).map(
            lambda found: GitState(
                CiSystem.PROW, job_type, found[0][1], *found[0][0], base_ref=given.get("PULL_BASE_REF")
            )
        )
    return together(base, _pull_number(given), _sha(given, "PULL_PULL_SHA")).map(
        lambda found: GitState(
            CiSystem.PROW, job_type, found[2], *found[0][0], found[1], base_ref=given.get("PULL_BASE_REF")
        )
    )


def _required(given: Mapping[str, str], name: str) -> Result[str, Problems]:
    if name in given:
        return Success(given[name])
    return refuse(name, "this variable of the Prow job is not set", "run the tool from the job's own container")


def _job_type(given: Mapping[str, str]) -> Result[JobType, Problems]:
    def known(word: str) -> Result[JobType, Problems]:
        if word in _LATER:
            return refuse("JOB_TYPE", f"{word} jobs are not supported yet", "use a presubmit or postsubmit job")
        if word not in _TYPES:
            return refuse("JOB_TYPE", f"{word!r} is no job type", nearest(word, _TYPES))
        return Success(_TYPES[word])

    return _required(given, "JOB_TYPE").bind(known)


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    def valid(names: tuple[str, str]) -> Result[tuple[str, str], Problems]:
        if is_repository(*names):
            return Success(names)
        return refuse("REPO_OWNER, REPO_NAME", f"{'/'.join(names)!r} is no repository", "check the job's definition")

    return together(_required(given, "REPO_OWNER"), _required(given, "REPO_NAME")).bind(valid)


def _sha(given: Mapping[str, str], name: str) -> Result[str, Problems]:
    return _required(given, name).bind(
        lambda text: (
            Success(text)
            if is_sha(text)
            else refuse(name, f"{text!r} is no full commit", "it wants 40 or 64 hexadecimal digits, not all zero")
        )
    )


def _pull_number(given: Mapping[str, str]) -> Result[int, Problems]:
    return _required(given, "PULL_NUMBER").bind(
        lambda text: (
            Success(int(text))
            if re.fullmatch(r"[1-9][0-9]{0,9}", text)
            else refuse("PULL_NUMBER", f"{text!r} is no pull request number", "it wants a whole number from 1")
        )
    )


def _no_pull(given: Mapping[str, str]) -> Result[None, Problems]:
    """A postsubmit that carries a pull request contradicts itself; unmerged code must not become production."""
    pulls = [name for name in ("PULL_NUMBER", "PULL_PULL_SHA") if name in given]
    if pulls:
        return refuse(", ".join(pulls), "set in a postsubmit job", "a pull request is built by a presubmit job")
    return Success(None)


# --- JOB_SPEC and PULL_REFS say the same once more ----------------------------------------------------------------


def _cross_checked(given: Mapping[str, str], state: GitState) -> Result[tuple[None, ...], Problems]:
    return every((_spec_agrees(given, state), _refs_agree(given, state)))


def _spec_agrees(given: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    if "JOB_SPEC" not in given:
        return Success(None)
    spec = located(_json(given["JOB_SPEC"]), "JOB_SPEC", "it is set by Prow; do not change it")
    return spec.bind(lambda found: _differences("JOB_SPEC", _expected(given, state), _told(found)))


def _json(text: str) -> Result[dict[str, Any], str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("this is no JSON")
    return Success(found) if isinstance(found, dict) else Failure("this is no JSON object")


def _expected(given: Mapping[str, str], state: GitState) -> dict[str, object]:
    pulls = [[state.pull_number, state.commit]] if state.job_type is JobType.PRESUBMIT else []
    return {
        "type": state.job_type.value,
        "refs.org": state.owner,
        "refs.repo": state.repo,
        "refs.base_sha": given["PULL_BASE_SHA"],
        "refs.pulls": pulls,
    }


def _told(spec: dict[str, Any]) -> dict[str, object]:
    """What ``JOB_SPEC`` says of the same; Prow leaves empty fields out, and an absent base SHA says nothing."""
    refs = spec.get("refs")
    refs = refs if isinstance(refs, dict) else {}
    pulls = refs.get("pulls") or []
    told: dict[str, object] = {
        "type": spec.get("type"),
        "refs.org": refs.get("org"),
        "refs.repo": refs.get("repo"),
        "refs.base_sha": refs.get("base_sha"),
        "refs.pulls": [_pull(pull) for pull in pulls] if isinstance(pulls, list) else pulls,
    }
    if not refs.get("base_sha"):
        del told["refs.base_sha"]
    return told


def _pull(told: object) -> object:
    """Number and head of a pull request; anything else stays as it is, and so agrees with nothing."""
    return [told.get("number"), told.get("sha")] if isinstance(told, dict) else told


def _refs_agree(given: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    if "PULL_REFS" not in given:
        return Success(None)
    base, *pulls = (part.split(":", 2) for part in given["PULL_REFS"].split(","))
    told: dict[str, object] = {"pulls": [pull[:2] for pull in pulls]}
    expected: dict[str, object] = {"pulls": []}
    if state.job_type is JobType.PRESUBMIT:
        expected["pulls"] = [[str(state.pull_number), state.commit]]
    if len(base) > 1:
        told["base"], expected["base"] = base[1], given["PULL_BASE_SHA"]
    return _differences("PULL_REFS", expected, told)


def _differences(where: str, expected: dict[str, object], told: dict[str, object]) -> Result[None, Problems]:
    wrong = tuple(
        Problem(
            where,
            f"{key} is {value!r}, but the job's other variables say {expected[key]!r}",
            "they are set by Prow; do not change one of them",
        )
        for key, value in told.items()
        if value != expected[key]
    )
    return Failure(wrong) if wrong else Success(None)
