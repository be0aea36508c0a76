"""A job with the side of trust that it is on: the one answer to "is this production?"."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, final

from image_builder_domain.job.git_state import GitState, JobType


class Side(Enum):
    """The side of a job: it decides registry, signers, caches and daemons.

    ``PRODUCTION`` pushes to ``registry``, is signed by every signer enabled for the repository, and reads and writes
    ``cache-repo``. ``UNMERGED`` pushes to ``dev-registry`` and is signed only by signers whose ``job-type`` names its
    class; ``LOCAL`` pushes to ``dev-registry`` and is signed with ``--repo``. Both read ``cache-repo``, and write only
    ``dev-cache-repo``.
    """

    PRODUCTION = "production"
    UNMERGED = "unmerged"
    LOCAL = "local"

    @property
    def is_production(self) -> bool:
        """True where what is built is merged code of a production ref; every question of trust asks this."""
        return self is Side.PRODUCTION


def claimed_side(job_type: JobType) -> Side:
    """The side that jobs of a class can be on at most (specification, section 3)."""
    if job_type is JobType.LOCAL:
        return Side.LOCAL
    return Side.UNMERGED if job_type.is_proposal else Side.PRODUCTION


@final
@dataclass(frozen=True, slots=True)
class Listed:
    """The ref of a push-like job is one that holds merged code.

    ``key`` and ``pattern`` are those of ``production-refs``; both are empty where a default of the CI system counts.
    ``needs_proof`` is true for a ref that anybody who can push may create: a tag, or one that only a wildcard lists.
    """

    reason: str
    key: str = ""
    pattern: str = ""
    is_tag: bool = False
    needs_proof: bool = False


@final
@dataclass(frozen=True, slots=True)
class Unlisted:
    """The ref does not hold merged code, or anybody who can push could have created it.

    ``key`` applies to the repository, and ``nearest`` is its most similar entry; both may be empty.
    ``is_refused`` is true where a demotion to unmerged code would be a surprise. ``remedy`` says how to make it
    production.
    """

    reason: str
    key: str = ""
    nearest: str = ""
    is_refused: bool = False
    remedy: str = ""


Listing: TypeAlias = Listed | Unlisted


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One job with its side. Made by ``trust.decision.decide_job``; the constructor itself checks nothing.

    ``reason`` says why it is on this side. ``counts_as`` is the class whose tags and signers it gets: a push that is
    not production counts as a merge group. ``listing`` is the verdict on its ref, None for jobs that claim none.
    ``warnings`` are for the owners of the job.
    """

    state: GitState
    side: Side
    reason: str
    counts_as: JobType
    listing: Listing | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_production(self) -> bool:
        """True where what is built is merged code of a production ref."""
        return self.side.is_production

    @property
    def is_unmerged(self) -> bool:
        """True where the author of a proposal, or of an unlisted branch, chose what is built."""
        return self.side is Side.UNMERGED

    @property
    def is_local(self) -> bool:
        """True outside every CI system."""
        return self.side is Side.LOCAL

    @property
    def is_demoted(self) -> bool:
        """True for a push-like job that is not production."""
        return self.is_unmerged and self.state.job_type.is_push_like

    @property
    def title(self) -> str:
        """The class of the job as a noun for messages."""
        claimed = self.state.job_type.value
        return claimed if self.state.job_type is self.counts_as else f"{claimed} that counts as {self.counts_as.value}"


@final
@dataclass(frozen=True, slots=True)
class TrustFacts:
    """The side of a job and the facts behind it, as plans and reports show them; None for an unknown fact.

    ``ref`` is the full name if that is known; Prow has only short names. ``pattern`` is the entry of
    ``production-refs`` that matched, ``nearest`` the most similar one where none did.
    """

    side: str
    reason: str
    counts_as: str
    ref: str | None
    pattern: str | None
    nearest: str | None
    protected: bool | None
    fork: bool | None


def trust_facts(job: Job) -> TrustFacts:
    """The facts about the side of a job."""
    state, listing = job.state, job.listing
    return TrustFacts(
        side=job.side.value,
        reason=job.reason,
        counts_as=job.counts_as.value,
        ref=state.ref or state.tag or state.base_ref,
        pattern=listing.pattern or None if isinstance(listing, Listed) else None,
        nearest=listing.nearest or None if isinstance(listing, Unlisted) else None,
        protected=state.is_protected,
        fork=state.is_fork,
    )
