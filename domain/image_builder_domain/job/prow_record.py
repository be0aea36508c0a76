"""What ``JOB_SPEC`` and ``PULL_REFS`` say once more of a Prow job, and whether they agree with the single variables.

``PULL_REFS`` is ``base_ref[:base_sha]``, then ``,number:sha[:ref]`` for each pull request.
"""

import json
from collections.abc import Mapping
from typing import Any

from returns.result import Failure, Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.job_type import JobType
from image_builder_domain.job.repository_url import host_of
from image_builder_domain.job.state import CiSystem, GitState
from image_builder_domain.problem import Problem, Problems, every, located, refuse, together

_REMEDY = "they are set by Prow; do not change one of them"


def cross_checked(given: Mapping[str, str], state: GitState) -> Result[tuple[None, ...], Problems]:
    """Nothing, when everything that is there agrees with the state."""
    return every((_spec_agrees(given, state), _refs_agree(given, state)))


def job_spec(given: Mapping[str, str]) -> Result[dict[str, Any] | None, Problems]:
    """The object in ``JOB_SPEC``; None when the variable is not set."""
    if "JOB_SPEC" not in given:
        return Success(None)
    return located(_json(given["JOB_SPEC"]), "JOB_SPEC", "it is set by Prow; do not change it")


def is_set_by_prow(given: Mapping[str, str]) -> bool:
    """Whether this is a job of Prow; elsewhere the person who starts the job may set Prow's names to anything."""
    return "PROW_JOB_ID" in given


def host(given: Mapping[str, str]) -> str | None:
    """The server of the job's repository as ``JOB_SPEC`` tells it; None without that."""
    refs = (job_spec(given).value_or(None) or {}).get("refs")
    return host_of_refs(refs) if isinstance(refs, dict) else None


def host_of_refs(refs: Mapping[str, Any]) -> str:
    """The server of one repository: its page's, else that of its clone, else GitHub's, as in Prow's ``clonerefs``."""
    links = (refs.get(key) for key in ("repo_link", "clone_uri"))
    return next(filter(None, (host_of(link) for link in links if isinstance(link, str))), "github.com")


def pull_refs(given: Mapping[str, str]) -> Result[str, Problems]:
    """``PULL_REFS`` of a batch, which alone says what is built."""

    def checked(text: str) -> Result[str, Problems]:
        _, *pulls = text.split(",")
        if not pulls:
            return refuse("PULL_REFS", f"{text!r} names no pull request, and this is a batch", _REMEDY)
        return every(map(_valid_pull, pulls)).map(lambda _: text)

    return variable.required(given, "PULL_REFS", CiSystem.PROW).bind(checked)


def _valid_pull(text: str) -> Result[object, Problems]:
    number, sha, *_ = (*text.split(":", 2), "")
    return together(variable.number(number, "PULL_REFS"), variable.commit(sha, "PULL_REFS"))


def differences(where: str, expected: Mapping[str, object], told: Mapping[str, object]) -> Result[None, Problems]:
    """A problem for everything told that is not as expected."""
    wrong = tuple(
        Problem(where, f"{key} is {value!r}, but the job's other variables say {expected[key]!r}", _REMEDY)
        for key, value in told.items()
        if value != expected[key]
    )
    return Failure(wrong) if wrong else Success(None)


def _json(text: str) -> Result[dict[str, Any], str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("this is no JSON")
    return Success(found) if isinstance(found, dict) else Failure("this is no JSON object")


def _spec_agrees(given: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    return job_spec(given).bind(
        lambda spec: Success(None) if spec is None else differences("JOB_SPEC", _expected(state), _told(spec, state))
    )


def _pulls(state: GitState) -> list[list[str]]:
    """Number and head of each pull request that the job builds."""
    if state.job_type is JobType.PRESUBMIT:
        return [[str(state.pull_number), str(state.head_sha)]]
    return [pull.split(":")[:2] for pull in (state.pull_refs or "").split(",")[1:]]


def _expected(state: GitState) -> dict[str, object]:
    return {
        "type": state.job_type.value,
        "refs.org": state.owner,
        "refs.repo": state.repo,
        "refs.base_ref": state.base_ref,
        "refs.base_sha": state.base_sha,
        "refs.pulls": _pulls(state),
    }


def _told(spec: dict[str, Any], state: GitState) -> dict[str, object]:
    """What ``JOB_SPEC`` says of the same; Prow leaves empty fields out, and an absent base says nothing."""
    refs = spec.get("refs")
    refs = refs if isinstance(refs, dict) else {}
    pulls = refs.get("pulls") or []
    told: dict[str, object] = {
        "type": spec.get("type"),
        "refs.org": refs.get("org"),
        "refs.repo": refs.get("repo"),
        "refs.base_ref": (state.base_ref and refs.get("base_ref")) or state.base_ref,
        "refs.base_sha": refs.get("base_sha") or state.base_sha,
        "refs.pulls": [_pull(pull) for pull in pulls] if isinstance(pulls, list) else pulls,
    }
    return told


def _pull(told: object) -> object:
    """Number and head of a pull request; anything else stays as it is, and so agrees with nothing."""
    if not isinstance(told, dict):
        return told
    number = told.get("number")
    return [str(number) if type(number) is int else number, told.get("sha")]


def _refs_agree(given: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    if "PULL_REFS" not in given:
        return Success(None)
    base, *pulls = (part.split(":", 2) for part in given["PULL_REFS"].split(","))
    told: dict[str, object] = {"pulls": [pull[:2] for pull in pulls]}
    expected: dict[str, object] = {"pulls": _pulls(state)}
    if state.base_ref is not None:
        told["base ref"], expected["base ref"] = base[0], state.base_ref
    if len(base) > 1:
        told["base"], expected["base"] = base[1], state.base_sha
    return differences("PULL_REFS", expected, told)
