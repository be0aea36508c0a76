"""The facts of a job as its CI system claims them: the class, the repository, the commit and the ref."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import assert_never, final

_SHA = re.compile(r"(?!0+\Z)(?:[0-9a-f]{40}|[0-9a-f]{64})")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}")
_REPO = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")

PROW_MARKS = ("REPO_OWNER", "REPO_NAME", "JOB_TYPE")
"""Variables that together describe a job as Prow does; other systems and people may set them, too."""


class JobType(Enum):
    """The class of a job; ``LOCAL`` is outside CI."""

    PRESUBMIT = "presubmit"
    POSTSUBMIT = "postsubmit"
    BATCH = "batch"
    PERIODIC = "periodic"
    WORKFLOW_DISPATCH = "workflow_dispatch"
    SCHEDULE = "schedule"
    MERGE_GROUP = "merge_group"
    LOCAL = "local"

    @property
    def is_proposal(self) -> bool:
        """True for classes that build code which is not merged; total, so that a new class cannot be forgotten."""
        match self:
            case JobType.PRESUBMIT | JobType.MERGE_GROUP | JobType.BATCH:
                return True
            case JobType.POSTSUBMIT | JobType.SCHEDULE | JobType.WORKFLOW_DISPATCH | JobType.PERIODIC | JobType.LOCAL:
                return False
            case _:
                assert_never(self)

    @property
    def is_push_like(self) -> bool:
        """True for classes that may build merged code: the trust decision says whether they do."""
        return not self.is_proposal and self is not JobType.LOCAL


class CiSystem(Enum):
    """The system that runs a job."""

    GITHUB = "GitHub Actions"
    PROW = "Prow"
    AZURE_PIPELINES = "Azure Pipelines"
    GITLAB = "GitLab CI"
    JENKINS = "Jenkins"
    LOCAL = "outside CI"


@final
@dataclass(frozen=True, slots=True)
class GitState:
    """The claims of one job.

    ``commit`` is built; it is None for a batch and where nothing is built. Only presubmits have a ``pull_number``.
    ``base_sha`` is the pushed commit, or the commit below a proposed change (None if the CI system does not name it).
    ``head_sha`` is the proposed change. ``base_ref`` and ``head_ref`` are short, and ``tag`` is set only if the ref is
    a tag. ``pull_refs`` are a batch's pull requests as Prow writes them. Authors choose names of branches: never put
    them in a path or a command.

    The trust decision compares the rest, which are claims of the CI system, too. ``host`` serves the repository (lower
    case, such as ``github.com``). ``ref`` is the full ref of a push-like job (``refs/heads/main``, ``refs/tags/v1``):
    see :attr:`claimed_refs`. ``is_protected`` says whether the CI system protects that ref. ``default_branch`` is the
    repository's (short). Each of these is None if it is unknown. ``is_fork`` is true if a proposed change comes from
    another repository, or if the repository of a push-like job is a fork (only GitHub says so). ``starter_chooses`` is
    true if the person who starts the job chooses ref and commit.
    """

    system: CiSystem
    job_type: JobType
    commit: str | None
    owner: str | None = None
    repo: str | None = None
    pull_number: int | None = None
    base_ref: str | None = None
    base_sha: str | None = None
    head_sha: str | None = None
    head_ref: str | None = None
    tag: str | None = None
    is_fork: bool = False
    pull_refs: str | None = None
    host: str | None = None
    ref: str | None = None
    is_protected: bool | None = None
    default_branch: str | None = None
    starter_chooses: bool = False

    @property
    def repository(self) -> str | None:
        """``owner/repo``; None outside CI without ``--repo``."""
        return f"{self.owner}/{self.repo}" if self.owner and self.repo else None

    @property
    def claimed_refs(self) -> tuple[str, ...]:
        """The full refs of a push-like job, all of which must be production; empty where it names none.

        Where only a short name is known, they are two, a branch and a tag: Prow removes ``refs/heads/`` and
        ``refs/tags/`` alike, and so do people who set its variables elsewhere.
        """
        if self.ref is not None:
            return (self.ref,)
        return (f"refs/heads/{self.base_ref}", f"refs/tags/{self.base_ref}") if self.base_ref is not None else ()


def is_sha(text: str) -> bool:
    """True for a full SHA-1 or SHA-256 object name that is not all zeros."""
    return _SHA.fullmatch(text) is not None


def is_repository(owner: str, repo: str) -> bool:
    """True for names that GitHub gives to owners and repositories."""
    return _OWNER.fullmatch(owner) is not None and _REPO.fullmatch(repo) is not None


def is_nested_repository(owner: str, repo: str) -> bool:
    """True for names that GitLab gives: groups inside of groups, so that the owner may hold ``/``."""
    return all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", name) for name in (*owner.split("/"), repo))
