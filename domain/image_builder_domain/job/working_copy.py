"""Outside CI: the working copy's commit, or ``PULL_BASE_SHA``."""

from collections.abc import Mapping

from returns.result import Result, Success

from image_builder_domain.job.job_type import JobType
from image_builder_domain.job.state import CiSystem, GitState, is_nested_repository, is_repository, is_sha
from image_builder_domain.problem import Problems, refuse, together


def read(environment: Mapping[str, str], commit: str | None, repository: str | None) -> Result[GitState, Problems]:
    """The state on a person's machine; ``repository`` is ``--repo``."""
    return together(_commit(environment, commit), _names(repository)).map(
        lambda found: GitState(CiSystem.LOCAL, JobType.LOCAL, found[0], *found[1])
    )


def without_commit(repository: str | None) -> Result[GitState, Problems]:
    """The same for what builds nothing, so that no commit is asked for."""
    return _names(repository).map(lambda names: GitState(CiSystem.LOCAL, JobType.LOCAL, None, *names))


def _commit(environment: Mapping[str, str], commit: str | None) -> Result[str, Problems]:
    given = environment.get("PULL_BASE_SHA") or commit
    if given is None:
        return refuse(
            "git", "the commit is unknown: this is no git working copy", "run inside one, or set PULL_BASE_SHA"
        )
    if not is_sha(given):
        return refuse("PULL_BASE_SHA", f"{given!r} is no full commit", "give all 40 (or 64) hexadecimal digits")
    return Success(given)


def _names(repository: str | None) -> Result[tuple[str | None, str | None], Problems]:
    if repository is None:
        return Success((None, None))
    owner, _, repo = repository.rpartition("/")
    if is_repository(owner, repo) or is_nested_repository(owner, repo):
        return Success((owner, repo))
    return refuse("--repo", f"{repository!r} is no repository", "write org/repo")
