"""Outside CI: how a person's machine is distinguished from a job, and the state of a build there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from returns.result import Result, Success

from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_nested_repository, is_repository, is_sha
from image_builder_domain.problem import Problems, gather, refuse


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs.

    ``in_container``: a file of a container runtime is there. ``has_terminal``: a standard stream is a terminal.
    """

    in_container: bool = False
    has_terminal: bool = True

    def is_unattended(self, environment: Mapping[str, str]) -> bool:
        """True for a container or pod without a terminal, which more often is a job than a person's machine.

        ``CI=false`` says that it is not a job.
        """
        is_container = self.in_container or bool(environment.get("KUBERNETES_SERVICE_HOST"))
        return is_container and not self.has_terminal and environment.get("CI") != "false"


AT_A_TERMINAL: Final = Place()
"""A person's machine."""


def read(environment: Mapping[str, str], commit: str | None, repository: str | None) -> Result[GitState, Problems]:
    """The state on a person's machine; ``commit`` is the working copy's, ``repository`` is ``--repo``."""
    return gather(_commit(environment, commit), _names(repository)).map(
        lambda found, names: GitState(CiSystem.LOCAL, JobType.LOCAL, found, *names)
    )


def without_commit(repository: str | None) -> Result[GitState, Problems]:
    """The state for modes that build nothing and need no commit."""
    return _names(repository).map(lambda names: GitState(CiSystem.LOCAL, JobType.LOCAL, None, *names))


def _commit(environment: Mapping[str, str], commit: str | None) -> Result[str, Problems]:
    given = environment.get("PULL_BASE_SHA") or commit
    if given is None:
        return refuse(
            "git", "the commit is unknown: this is not a git working copy", "run inside one, or set PULL_BASE_SHA"
        )
    if not is_sha(given):
        return refuse("PULL_BASE_SHA", f"{given!r} is not a full commit", "give all 40 (or 64) hexadecimal digits")
    return Success(given)


def _names(repository: str | None) -> Result[tuple[str | None, str | None], Problems]:
    if repository is None:
        return Success((None, None))
    owner, _, repo = repository.rpartition("/")
    if is_repository(owner, repo) or is_nested_repository(owner, repo):
        return Success((owner, repo))
    return refuse("--repo", f"{repository!r} is not a repository", "write org/repo")
