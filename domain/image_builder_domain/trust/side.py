"""The three sides of trust, and which of them each class of jobs can claim (specification, section 3)."""

from enum import Enum
from typing import assert_never

from image_builder_domain.job.job_type import JobType


class Side(Enum):
    """Which side a job is on: it decides registry, signers, caches and daemons.

    ``PRODUCTION`` pushes to ``registry``, is signed by every signer enabled for the repository, and reads and writes
    ``cache-repo``. ``UNMERGED`` pushes to ``dev-registry`` and is signed only by signers whose ``job-type`` names its
    class; ``LOCAL`` pushes to ``dev-registry`` and is signed with ``--repo``. Both read ``cache-repo``, and write
    ``dev-cache-repo`` alone.
    """

    PRODUCTION = "production"
    UNMERGED = "unmerged"
    LOCAL = "local"


def claimed_side(job_type: JobType) -> Side:
    """The side that a class of jobs can be on at most; total, so that a new class cannot be forgotten."""
    match job_type:
        case JobType.POSTSUBMIT | JobType.SCHEDULE | JobType.WORKFLOW_DISPATCH | JobType.PERIODIC:
            return Side.PRODUCTION
        case JobType.PRESUBMIT | JobType.MERGE_GROUP | JobType.BATCH:
            return Side.UNMERGED
        case JobType.LOCAL:
            return Side.LOCAL
        case _:
            assert_never(job_type)
