"""Jenkins, multibranch jobs: ``CHANGE_*`` describe a pull request, ``GIT_*`` what was checked out.

``GIT_*`` are set only where the checkout step exported them. No variable names the base of a pull request. The parents
of a merge have no fixed order, so the base is not guessed from them.
"""

from collections.abc import Mapping
from dataclasses import replace

from returns.result import Failure, Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_nested_repository, is_repository
from image_builder_domain.job.repository_url import host_and_path, host_of
from image_builder_domain.problem import Problem, Problems, gather, refuse

_JENKINS = CiSystem.JENKINS


def read(environment: Mapping[str, str]) -> Result[GitState, Problems]:
    """The state of a job."""
    given = {name: value for name, value in environment.items() if value}
    return _pull_request(given) if "CHANGE_ID" in given else _pushed(given)


def _pushed(given: Mapping[str, str]) -> Result[GitState, Problems]:
    return gather(_names(given), variable.sha(given, "GIT_COMMIT", _JENKINS), _ref(given)).map(
        lambda names, commit, ref: replace(
            variable.pushed(_JENKINS, JobType.POSTSUBMIT, names, commit, ref),
            host=_host(given),
            starter_chooses=not _is_multibranch(given),
        )
    )


def _ref(given: Mapping[str, str]) -> Result[str | None, Problems]:
    """A multibranch job has its branch or tag as ``BRANCH_NAME``, and a tag as ``TAG_NAME``, too."""
    branch, tag = given.get("BRANCH_NAME"), given.get("TAG_NAME")
    if branch is None and tag is None:
        return Success(_checked_out(given.get("GIT_BRANCH", "")))
    agreed = variable.agreeing("TAG_NAME", "the tag", tag, branch, "BRANCH_NAME")
    same = agreed.bind(lambda _: _is_checked_out(given.get("GIT_BRANCH"), branch, tag))
    return same.map(lambda _: variable.full_ref(branch, tag))


def _is_checked_out(found: str | None, branch: str | None, tag: str | None) -> Result[None, Problems]:
    """Compare with ``GIT_BRANCH``, from the checkout step: the name, below the remote's or not, or ``detached``."""
    where, name = ("BRANCH_NAME", branch) if tag is None else ("TAG_NAME", tag)
    if found is None or found in ("detached", name, variable.full_ref(branch, tag)):
        return Success(None)
    remote = found.removeprefix("refs/remotes/")
    below = "" if remote.startswith(("refs/", "tags/")) else remote.partition("/")[2]
    return variable.agreeing(where, "the ref", name, below or found, "GIT_BRANCH")


def _checked_out(remote_branch: str) -> str | None:
    """The branch in ``GIT_BRANCH``, below the name of the remote; None without that name."""
    branch = remote_branch.removeprefix("refs/remotes/")
    return f"refs/heads/{branch.removeprefix('origin/')}" if branch.startswith("origin/") else None


def _is_multibranch(given: Mapping[str, str]) -> bool:
    """Other jobs may have a parameter ``BRANCH_NAME``, but only multibranch jobs are named after their branch.

    The last part of ``JOB_NAME`` is the branch with ``/`` and other characters written as ``%2F``.
    """
    from urllib.parse import unquote

    branch = given.get("BRANCH_NAME")
    return branch is not None and unquote(given.get("JOB_NAME", "").rpartition("/")[2]) == branch


def _pull_request(given: Mapping[str, str]) -> Result[GitState, Problems]:
    number = variable.pull_number(given, "CHANGE_ID", _JENKINS)
    target = variable.required(given, "CHANGE_TARGET", _JENKINS)
    return gather(_names(given), number, _head(given), _base(given), target).map(
        lambda names, number, head, base, target: GitState(
            _JENKINS,
            JobType.PRESUBMIT,
            head,
            *names,
            pull_number=number,
            base_ref=target,
            base_sha=base,
            head_sha=head,
            head_ref=given.get("CHANGE_BRANCH"),
            is_fork="CHANGE_FORK" in given,
            host=_host(given),
        )
    )


def _head(given: Mapping[str, str]) -> Result[str, Problems]:
    """The proposed commit; if the job merges before it builds, ``GIT_COMMIT`` is a merge that exists only here."""
    return variable.sha(given, "PULL_PULL_SHA" if "PULL_PULL_SHA" in given else "GIT_COMMIT", _JENKINS)


def _base(given: Mapping[str, str]) -> Result[str, Problems]:
    for name in ("CHANGE_BASE_SHA", "PULL_BASE_SHA"):
        if name in given:
            return variable.commit(given[name], name)
    what = "neither is set, and no variable of Jenkins names the commit below the pull request"
    return refuse("CHANGE_BASE_SHA, PULL_BASE_SHA", what, "export one of them in the pipeline")


# --- the repository -----------------------------------------------------------------------------------------------


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    """Owner and name from the URL of the first remote; the URL may hold a password, so no problem quotes it."""
    name = _url_variable(given)
    return variable.required(given, name, _JENKINS).bind(lambda url: repository_of(url, name))


def _url_variable(given: Mapping[str, str]) -> str:
    return "GIT_URL" if "GIT_URL" in given or "GIT_URL_1" not in given else "GIT_URL_1"


def _host(given: Mapping[str, str]) -> str | None:
    return host_of(given.get(_url_variable(given)))


def repository_of(url: str, where: str) -> Result[tuple[str, str], Problems]:
    """Owner and name in an ``https``, ``ssh`` or ``user@host:path`` URL; below GitHub the owner has no ``/``."""
    host, path = host_and_path(url)
    owner, _, repo = path.removesuffix("/").removesuffix(".git").rpartition("/")
    if host and (is_repository(owner, repo) or (host != "github.com" and is_nested_repository(owner, repo))):
        return Success((owner, repo))
    what = "this is not the URL of a repository"
    return Failure((Problem(where, what, "write https://host/owner/name or git@host:owner/name"),))
