"""A job: its git state, and the side of trust that it is on."""

from dataclasses import dataclass
from typing import Any, TypeAlias, final

from image_builder_domain.job.job_type import JobType
from image_builder_domain.job.state import GitState
from image_builder_domain.trust.side import Side


@final
@dataclass(frozen=True, slots=True)
class Listed:
    """The ref of a push-like job is one that holds merged code.

    ``key`` and ``pattern`` are those of ``production-refs``; both are empty where a default of the CI system counts.
    ``needs_proof`` is true for what everybody may create: a tag, or a ref that only a wildcard lists.
    """

    reason: str
    key: str = ""
    pattern: str = ""
    is_tag: bool = False
    needs_proof: bool = False


@final
@dataclass(frozen=True, slots=True)
class Unlisted:
    """The ref does not hold merged code, or everybody could have created it.

    ``key`` counts for the repository, ``nearest`` is what is written there and most alike; empty where there is none.
    ``is_refused`` is true where going on as unmerged code would surprise. ``remedy`` says how to make it production.
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
    """One job with its side. Made by ``decision.side.decide_job``; the constructor itself checks nothing.

    ``reason`` says why it is on this side. ``counts_as`` is the class whose tags and signers it gets: a push that is
    not production counts as a merge group. ``listing`` is what was found about its ref, None for jobs that claim none.
    ``warnings`` say what its owners must know of that.
    """

    state: GitState
    side: Side
    reason: str
    counts_as: JobType
    listing: Listing | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_production(self) -> bool:
        """The one question of trust: is what is built merged code of a production ref?"""
        return self.side is Side.PRODUCTION

    @property
    def title(self) -> str:
        """The class of the job as a noun for messages."""
        claimed = self.state.job_type.value
        return claimed if self.state.job_type is self.counts_as else f"{claimed} that counts as {self.counts_as.value}"


def trust_facts(job: Job) -> dict[str, Any]:
    """The side of a job, and the facts that it follows from, for plans and reports; null for what is not known."""
    state, listing = job.state, job.listing
    return {
        "side": job.side.value,
        "reason": job.reason,
        "counts_as": job.counts_as.value,
        # In full where that is known; Prow tells the short name alone.
        "ref": state.ref or state.tag or state.base_ref,
        "pattern": listing.pattern or None if isinstance(listing, Listed) else None,
        "nearest": listing.nearest or None if isinstance(listing, Unlisted) else None,
        "protected": state.is_protected,
        "fork": state.is_fork,
    }
