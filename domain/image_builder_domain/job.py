"""This job, judged: where it runs, and which side of trust it is on."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.git_state.state import GitState
from image_builder_domain.job_type import JobType
from image_builder_domain.trust import Side


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One job with its side. Made by ``decision.side.decide_job``; the bare constructor judges nothing.

    ``reason`` says why it is on this side. ``counts_as`` is the class whose tags and signers it gets: a push that is
    not production counts as a merge group. ``warnings`` say what its owners must know of that.
    """

    state: GitState
    side: Side
    reason: str
    counts_as: JobType
    warnings: tuple[str, ...] = ()

    @property
    def is_production(self) -> bool:
        """The one question of trust: is what is built merged code of a production ref?"""
        return self.side is Side.PRODUCTION

    @property
    def title(self) -> str:
        """What this job is, in a sentence that needs a noun."""
        claimed = self.state.job_type.value
        return claimed if self.state.job_type is self.counts_as else f"{claimed} that counts as {self.counts_as.value}"
