"""Outside CI: how a person's machine is distinguished from a job, and the state of a build there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from returns.result import Result, Success

from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_nested_repository, is_repository, is_sha
from image_builder_domain.problem import Problems, gather, refuse


class MissingCommit(Enum):
    """Why the commit of the working copy is unknown: what is wrong, and what to do."""

    NO_WORKING_COPY = "the build context is not in a git working copy", "name another --context"
    NO_GIT = "the program git is not installed", "install it"
    NO_COMMIT = "the working copy has no commit that can be read", "run 'git commit'"


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs.

    ``in_container``: a file of a container runtime is there. ``has_terminal``: a standard stream is a terminal.
    ``missing`` says why the commit of the working copy is unknown, where it is.
    """

    in_container: bool = False
    has_terminal: bool = True
    missing: MissingCommit = MissingCommit.NO_WORKING_COPY

    def is_unattended(self, environment: Mapping[str, str]) -> bool:
        """True for a container or pod without a terminal, which more often is a job than a person's machine.

        ``CI=false`` says that it is not a job.
        """
        is_container = self.in_container or bool(environment.get("KUBERNETES_SERVICE_HOST"))
        return is_container and not self.has_terminal and environment.get("CI") != "false"


AT_A_TERMINAL: Final = Place()
"""A person's machine."""


def read(
    environment: Mapping[str, str], commit: str | None, repository: str | None, place: Place = AT_A_TERMINAL
) -> Result[GitState, Problems]:
    """The state on a person's machine; ``commit`` is the working copy's, ``repository`` is ``--repo``."""
    return gather(_commit(environment, commit, place), _names(repository)).map(
        lambda found, names: GitState(CiSystem.LOCAL, JobType.LOCAL, found, *names)
    )


def without_commit(repository: str | None) -> Result[GitState, Problems]:
    """The state for modes that build nothing and need no commit."""
    return _names(repository).map(lambda names: GitState(CiSystem.LOCAL, JobType.LOCAL, None, *names))


def _commit(environment: Mapping[str, str], commit: str | None, place: Place) -> Result[str, Problems]:
    given = environment.get("PULL_BASE_SHA") or commit
    if given is None:
        what, remedy = place.missing.value
        return refuse("git", f"the commit is unknown: {what}", f"{remedy}, or set PULL_BASE_SHA to the commit")
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
