"""Prow jobs: the variables that Prow's pod utilities set (``JOB_TYPE``, ``REPO_OWNER``, ``PULL_BASE_SHA``, …).

``JOB_SPEC`` and ``PULL_REFS`` repeat them. Where they are set they must agree, so that no single variable can turn a
pull request into something else. ``PULL_REFS`` is ``base_ref[:base_sha]``, then ``,number:sha[:ref]`` for each pull
request. Variables: https://docs.prow.k8s.io/docs/jobs/#job-environment-variables
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from returns.result import Failure, Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_nested_repository
from image_builder_domain.job.repository_url import host_of
from image_builder_domain.json_object import json_object
from image_builder_domain.problem import Problem, Problems, every, gather, located, nearest, refuse

_PROW = CiSystem.PROW
_SPEC = "JOB_SPEC"
_KEEP = "it is set by Prow; do not change it"
_TYPES = {
    job_type.value: job_type for job_type in (JobType.PRESUBMIT, JobType.POSTSUBMIT, JobType.BATCH, JobType.PERIODIC)
}


def read(environment: Mapping[str, str], commit: str | None, repository: str | None) -> Result[GitState, Problems]:
    """The state of a job; only periodic jobs use ``commit`` (the working copy's) and ``repository`` (``--repo``)."""
    given = {name: value for name, value in environment.items() if value}
    job_type = _job_type(given)
    if isinstance(job_type, Failure):  # report problems of the variables that most jobs have, too
        return gather(job_type, _names(given), _sha(given, "PULL_BASE_SHA")).bind(lambda *_: job_type)
    spec = _job_spec(given)
    if job_type.unwrap() is JobType.PERIODIC:
        return spec.bind(lambda found: _periodic(given, found or {}, commit, repository))
    state = _state(given, job_type.unwrap())
    spec_agrees = gather(spec, state).bind(_spec_agrees)
    refs_agree = state.bind(lambda found: _refs_agree(given, found))
    return gather(state, spec, spec_agrees, refs_agree).map(
        lambda state, spec, *_: _placed(given, replace(state, host=_host(spec)))
    )


def _is_set_by_prow(given: Mapping[str, str]) -> bool:
    """Whether this is a job of Prow; elsewhere the person who starts the job may set Prow's names to anything."""
    return "PROW_JOB_ID" in given


def _placed(given: Mapping[str, str], state: GitState) -> GitState:
    """Outside Prow the starter chooses the ref, and may write it in full; Prow has only short names."""
    if _is_set_by_prow(given):
        return state
    ref = variable.whole_ref(state.base_ref) if state.job_type is JobType.POSTSUBMIT else None
    return replace(state, base_ref=variable.short_ref(state.base_ref), ref=ref, starter_chooses=True)


def _job_type(given: Mapping[str, str]) -> Result[JobType, Problems]:
    def known(word: str) -> Result[JobType, Problems]:
        if word not in _TYPES:
            return refuse("JOB_TYPE", f"{word!r} is not a job type", nearest(word, _TYPES))
        return Success(_TYPES[word])

    return variable.required(given, "JOB_TYPE", _PROW).bind(known)


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    owner = variable.required(given, "REPO_OWNER", _PROW).bind(_not_of_gerrit)
    both = gather(owner, variable.required(given, "REPO_NAME", _PROW))
    return both.bind(lambda owner, repo: variable.repository(owner, repo, "REPO_OWNER, REPO_NAME"))


def _not_of_gerrit(owner: str) -> Result[str, Problems]:
    """Repositories of Gerrit have no owner, and Prow sets the server's address instead."""
    if not owner.startswith(("http://", "https://")):
        return Success(owner)
    what = f"{owner[:200]!r} is the address of a Gerrit server, not an owner"
    remedy = (
        "name the repository in the job's command: "
        "env -u JOB_SPEC REPO_OWNER=OWNER REPO_NAME=NAME image-builder …, with the names of production-refs"
    )
    return refuse("REPO_OWNER", what, remedy)


def _sha(given: Mapping[str, str], name: str) -> Result[str, Problems]:
    return variable.sha(given, name, _PROW)


# --- presubmit, postsubmit and batch ------------------------------------------------------------------------------


def _state(given: Mapping[str, str], job_type: JobType) -> Result[GitState, Problems]:
    pushed = gather(_names(given), _sha(given, "PULL_BASE_SHA")).map(
        lambda names, base: GitState(_PROW, job_type, base, *names, base_ref=given.get("PULL_BASE_REF"), base_sha=base)
    )
    if job_type is JobType.PRESUBMIT:
        number, head = variable.pull_number(given, "PULL_NUMBER", _PROW), _sha(given, "PULL_PULL_SHA")
        return gather(pushed, number, head).map(
            lambda state, number, head: replace(
                state, commit=head, pull_number=number, head_sha=head, head_ref=given.get("PULL_HEAD_REF")
            )
        )
    without_pull = gather(pushed, _no_pull(given, job_type)).map(lambda state, _: state)
    if job_type is JobType.BATCH:
        return gather(without_pull, _pull_refs(given)).map(
            lambda state, refs: replace(state, commit=None, pull_refs=refs)
        )
    return without_pull


def _no_pull(given: Mapping[str, str], job_type: JobType) -> Result[None, Problems]:
    """A job of another type that carries a pull request contradicts itself."""
    pulls = [name for name in ("PULL_NUMBER", "PULL_PULL_SHA") if name in given]
    if pulls:
        what = f"set in a {job_type.value} job"
        return Failure((Problem(", ".join(pulls), what, "a pull request is built by a presubmit job"),))
    return Success(None)


def _pull_refs(given: Mapping[str, str]) -> Result[str, Problems]:
    """``PULL_REFS`` of a batch; no other variable says what a batch builds."""

    def checked(text: str) -> Result[str, Problems]:
        _, *pulls = text.split(",")
        if not pulls:
            return refuse("PULL_REFS", f"{text!r} names no pull request, and this is a batch", _KEEP)
        return every(map(_valid_pull, pulls)).map(lambda _: text)

    return variable.required(given, "PULL_REFS", _PROW).bind(checked)


def _valid_pull(text: str) -> Result[object, Problems]:
    number, sha, *_ = (*text.split(":", 2), "")
    return gather(variable.number(number, "PULL_REFS"), variable.commit(sha, "PULL_REFS")).map(lambda *_: None)


# --- what JOB_SPEC and PULL_REFS repeat ---------------------------------------------------------------------------


def _job_spec(given: Mapping[str, str]) -> Result[dict[str, Any] | None, Problems]:
    """The object in ``JOB_SPEC``; None when the variable is not set."""
    return (
        located(json_object(given[_SPEC], strict=True).alt("this {}".format), _SPEC, _KEEP)
        if _SPEC in given
        else Success(None)
    )


def _host(spec: Mapping[str, Any] | None) -> str | None:
    """The server of the job's repository; None without ``JOB_SPEC``."""
    refs = (spec or {}).get("refs")
    return _host_of_refs(refs) if isinstance(refs, dict) else None


def _host_of_refs(refs: Mapping[str, Any]) -> str:
    """The server of one repository: its page's, else that of its clone, else GitHub's, as in Prow's ``clonerefs``."""
    links = (refs.get(key) for key in ("repo_link", "clone_uri"))
    return next(filter(None, (host_of(link) for link in links if isinstance(link, str))), "github.com")


def _spec_agrees(spec: dict[str, Any] | None, state: GitState) -> Result[None, Problems]:
    return Success(None) if spec is None else _same(_SPEC, _expected(state), _reported(spec, state))


def _same(where: str, expected: Mapping[str, object], reported: Mapping[str, object]) -> Result[None, Problems]:
    """A problem for each reported value that differs from the expected one."""
    wrong = tuple(
        Problem(
            where,
            f"{key} is {value!r}, but the job's other variables say {expected[key]!r}",
            "they are set by Prow; do not change one of them",
        )
        for key, value in reported.items()
        if value != expected[key]
    )
    return Failure(wrong) if wrong else Success(None)


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


def _reported(spec: dict[str, Any], state: GitState) -> dict[str, object]:
    """The same facts in ``JOB_SPEC``; Prow leaves empty fields out, so an absent base agrees with any."""
    refs = spec.get("refs")
    refs = refs if isinstance(refs, dict) else {}
    pulls = refs.get("pulls") or []
    return {
        "type": spec.get("type"),
        "refs.org": refs.get("org"),
        "refs.repo": refs.get("repo"),
        "refs.base_ref": (state.base_ref and refs.get("base_ref")) or state.base_ref,
        "refs.base_sha": refs.get("base_sha") or state.base_sha,
        "refs.pulls": [_pull(pull) for pull in pulls] if isinstance(pulls, list) else pulls,
    }


def _pull(pull: object) -> object:
    """Number and head of a pull request; anything else is returned unchanged, and so agrees with nothing."""
    if not isinstance(pull, dict):
        return pull
    number = pull.get("number")
    return [str(number) if type(number) is int else number, pull.get("sha")]


def _refs_agree(given: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    if "PULL_REFS" not in given:
        return Success(None)
    base, *pulls = (part.split(":", 2) for part in given["PULL_REFS"].split(","))
    reported: dict[str, object] = {"pulls": [pull[:2] for pull in pulls]}
    expected: dict[str, object] = {"pulls": _pulls(state)}
    if state.base_ref is not None:
        reported["base ref"], expected["base ref"] = base[0], state.base_ref
    if len(base) > 1:
        reported["base"], expected["base"] = base[1], state.base_sha
    return _same("PULL_REFS", expected, reported)


# --- periodic -----------------------------------------------------------------------------------------------------


def _periodic(
    given: Mapping[str, str], spec: dict[str, Any], commit: str | None, repository: str | None
) -> Result[GitState, Problems]:
    """A periodic job has no repository of its own, only the ``extra_refs`` that were checked out for it.

    Without any, ``--repo`` names the repository. Without a commit there, ``PULL_BASE_SHA`` or the working copy gives
    it.
    """
    kind = variable.agreeing(_SPEC, "type", str(spec.get("type", "periodic")), "periodic", "JOB_TYPE")
    return gather(kind, _built_refs(spec)).bind(lambda _, refs: _periodic_state(given, refs, commit, repository))


def _built_refs(spec: dict[str, Any]) -> Result[dict[str, Any], Problems]:
    """The entry of ``extra_refs`` that is built, empty when there is none; unmerged code in any of them is refused.

    Prow starts the job in the clone of the first one with ``workdir: true``, else of the first one
    (``DetermineWorkDir`` in https://github.com/kubernetes-sigs/prow/blob/main/pkg/pod-utils/decorate/podspec.go).
    """
    extra = spec.get("extra_refs") or []
    if not isinstance(extra, list) or not all(isinstance(refs, dict) for refs in extra):
        return refuse(_SPEC, "extra_refs is not a list of objects", _KEEP)
    if any(refs.get("pulls") for refs in extra):
        what = "extra_refs carries pull requests, and a periodic job builds only merged code"
        return refuse(_SPEC, what, "build pull requests in a presubmit job")
    built: dict[str, Any] = next((refs for refs in extra if refs.get("workdir") is True), extra[0] if extra else {})
    if built.get("auxiliary"):
        name = f"{built.get('org')}/{built.get('repo')}"
        what = f"{name!r} is auxiliary, and Prow starts the job there"
        return refuse(f"{_SPEC}: extra_refs", what, "set workdir: true at the repository that the job builds")
    return Success(built)


def _periodic_state(
    given: Mapping[str, str], refs: dict[str, Any], commit: str | None, repository: str | None
) -> Result[GitState, Problems]:
    names = _periodic_names(refs, repository)
    agreed = names.bind(lambda found: _no_other_names(given, found))
    return gather(names, _periodic_commit(given, refs, commit), agreed).map(
        lambda names, commit, _: GitState(
            _PROW,
            JobType.PERIODIC,
            commit,
            *names,
            base_ref=_text(refs, "base_ref") or given.get("PULL_BASE_REF"),
            base_sha=commit,
            host=_host_of_refs(refs) if refs else None,
            starter_chooses=not _is_set_by_prow(given),
        )
    )


def _periodic_names(refs: dict[str, Any], repository: str | None) -> Result[tuple[str, str], Problems]:
    if refs:
        owner, repo = _text(refs, "org") or "", _text(refs, "repo") or ""
        return variable.repository(owner, repo, f"{_SPEC}: extra_refs")
    if repository is None:
        what = "this periodic job has no extra_refs, so its repository is unknown"
        return refuse("--repo", what, "give --repo org/repo, or add extra_refs to the job")
    return variable.split_repository(repository, "--repo", is_nested_repository)


def _no_other_names(given: Mapping[str, str], names: tuple[str, str]) -> Result[object, Problems]:
    """Prow does not set these variables in a periodic job; where a person sets them they must agree."""
    return every(
        variable.agreeing(name, name, given.get(name), value, "the job's extra_refs or --repo")
        for name, value in zip(("REPO_OWNER", "REPO_NAME"), names, strict=True)
    )


def _periodic_commit(given: Mapping[str, str], refs: dict[str, Any], commit: str | None) -> Result[str, Problems]:
    listed = refs.get("base_sha")
    if listed:
        return variable.commit(str(listed), f"{_SPEC}: extra_refs: base_sha")
    if "PULL_BASE_SHA" in given:
        return variable.commit(given["PULL_BASE_SHA"], "PULL_BASE_SHA")
    if commit is not None:
        return Success(commit)
    what = "the commit is unknown: neither extra_refs nor git names it"
    return refuse("PULL_BASE_SHA", what, "set it, or run inside the git working copy")


def _text(refs: dict[str, Any], key: str) -> str | None:
    value = refs.get(key)
    return value if isinstance(value, str) and value else None
