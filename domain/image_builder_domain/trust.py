"""The trust matrix: what a job may do, from its class alone (specification, section 3).

No flag and no job configuration can widen it: nothing here takes any.
"""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never, final

from image_builder_domain.job_type import JobType


class Side(Enum):
    """Which of the three sides a job is on."""

    PRODUCTION = "production"
    UNMERGED = "unmerged"
    LOCAL = "local"


class Target(Enum):
    """Which list of registries images go to."""

    PRODUCTION = "registry"
    DEVELOPMENT = "dev-registry"
    DEVELOPMENT_IF_SET = "dev-registry if set, else registry"


class Signing(Enum):
    """Which signers may sign."""

    ENABLED = "signers enabled for the repository"
    NAMED = "only signers whose job-type names this class"


class CacheAccess(Enum):
    """What may be written to the layer cache."""

    PRODUCTION = "read and write cache-repo"
    DEVELOPMENT = "read cache-repo, read and write dev-cache-repo"


@final
@dataclass(frozen=True, slots=True)
class Trust:
    """What one class of jobs may do."""

    target: Target
    signing: Signing
    cache: CacheAccess


_MERGED = Trust(Target.PRODUCTION, Signing.ENABLED, CacheAccess.PRODUCTION)
_UNMERGED = Trust(Target.DEVELOPMENT, Signing.NAMED, CacheAccess.DEVELOPMENT)
_LOCAL = Trust(Target.DEVELOPMENT_IF_SET, Signing.ENABLED, CacheAccess.PRODUCTION)


def trust(job_type: JobType) -> Trust:
    """The row of the matrix; total, so that a new class of jobs cannot be forgotten."""
    match job_type:
        case JobType.POSTSUBMIT | JobType.SCHEDULE | JobType.WORKFLOW_DISPATCH | JobType.PERIODIC:
            return _MERGED
        case JobType.PRESUBMIT | JobType.MERGE_GROUP | JobType.BATCH:
            return _UNMERGED
        case JobType.LOCAL:
            return _LOCAL
        case _:
            assert_never(job_type)
