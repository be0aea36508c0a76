"""Periodic Prow jobs: they have no repository of their own, only the ``extra_refs`` that were checked out for them.

Prow starts the job in the clone of the first one with ``workdir: true``, else of the first one, and that is what is
built (``DetermineWorkDir`` in https://github.com/kubernetes-sigs/prow/blob/main/pkg/pod-utils/decorate/podspec.go).
Without any, ``--repo`` names the repository; without a commit there, ``PULL_BASE_SHA`` or the working copy gives it.
"""

from collections.abc import Mapping
from typing import Any

from returns.result import Result, Success

from image_builder_domain.job import prow_record, variable
from image_builder_domain.job.job_type import JobType
from image_builder_domain.job.state import CiSystem, GitState, is_nested_repository
from image_builder_domain.problem import Problems, every, refuse, together

_SPEC = "JOB_SPEC"


def read(given: Mapping[str, str], commit: str | None, repository: str | None) -> Result[GitState, Problems]:
    """The state; ``commit`` is the working copy's, ``repository`` is ``--repo``."""
    return prow_record.job_spec(given).bind(lambda spec: _from(given, spec or {}, commit, repository))


def _from(
    given: Mapping[str, str], spec: dict[str, Any], commit: str | None, repository: str | None
) -> Result[GitState, Problems]:
    kind = variable.agreeing(_SPEC, "type", str(spec.get("type", "periodic")), "periodic", "JOB_TYPE")
    return together(kind, _chosen(spec)).bind(lambda found: _state(given, found[1], commit, repository))


def _chosen(spec: dict[str, Any]) -> Result[dict[str, Any], Problems]:
    """The ``extra_refs`` that the job is started in, empty when there are none; any with unmerged code are refused."""
    extra = spec.get("extra_refs") or []
    if not isinstance(extra, list) or not all(isinstance(refs, dict) for refs in extra):
        return refuse(_SPEC, "extra_refs is no list of objects", "it is set by Prow; do not change it")
    if any(refs.get("pulls") for refs in extra):
        what = "extra_refs carries pull requests, and a periodic job builds merged code alone"
        return refuse(_SPEC, what, "build pull requests in a presubmit job")
    chosen: dict[str, Any] = next((refs for refs in extra if refs.get("workdir") is True), extra[0] if extra else {})
    if chosen.get("auxiliary"):
        name = f"{chosen.get('org')}/{chosen.get('repo')}"
        what = f"{name!r} is auxiliary, and Prow starts the job there"
        return refuse(f"{_SPEC}: extra_refs", what, "set workdir: true at the repository that the job builds")
    return Success(chosen)


def _state(
    given: Mapping[str, str], refs: dict[str, Any], commit: str | None, repository: str | None
) -> Result[GitState, Problems]:
    names = _names(refs, repository)
    found = together(names, _commit(given, refs, commit), names.bind(lambda names: _names_agree(given, names)))
    return found.map(
        lambda found: GitState(
            CiSystem.PROW,
            JobType.PERIODIC,
            found[1],
            *found[0],
            base_ref=_text(refs, "base_ref") or given.get("PULL_BASE_REF"),
            base_sha=found[1],
            host=prow_record.host_of_refs(refs) if refs else None,
            starter_chooses=not prow_record.is_set_by_prow(given),
        )
    )


def _names(refs: dict[str, Any], repository: str | None) -> Result[tuple[str, str], Problems]:
    if refs:
        owner, repo = _text(refs, "org") or "", _text(refs, "repo") or ""
        return variable.repository(owner, repo, f"{_SPEC}: extra_refs")
    if repository is None:
        what = "this periodic job has no extra_refs, so its repository is unknown"
        return refuse("--repo", what, "give --repo org/repo, or add extra_refs to the job")
    return variable.split_repository(repository, "--repo", is_nested_repository)


def _names_agree(given: Mapping[str, str], names: tuple[str, str]) -> Result[object, Problems]:
    """A periodic job has no such variables; where somebody set them they must not say otherwise."""
    return every(
        variable.agreeing(name, name, given.get(name), value, "the job's extra_refs or --repo")
        for name, value in zip(("REPO_OWNER", "REPO_NAME"), names, strict=True)
    )


def _commit(given: Mapping[str, str], refs: dict[str, Any], commit: str | None) -> Result[str, Problems]:
    told = refs.get("base_sha")
    if told:
        return variable.commit(str(told), f"{_SPEC}: extra_refs: base_sha")
    if "PULL_BASE_SHA" in given:
        return variable.commit(given["PULL_BASE_SHA"], "PULL_BASE_SHA")
    if commit is not None:
        return Success(commit)
    what = "the commit is unknown: neither extra_refs nor git tells it"
    return refuse("PULL_BASE_SHA", what, "set it, or run inside the git working copy")


def _text(refs: dict[str, Any], key: str) -> str | None:
    found = refs.get(key)
    return found if isinstance(found, str) and found else None
