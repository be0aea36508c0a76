"""The trust matrix, row by row: a pull request can never publish or sign as production."""

from typing import Any

import pytest
from image_builder_domain.job_type import JobType
from image_builder_domain.trust import CacheAccess, Signing, Target, Trust, trust

PRODUCTION = Trust(Target.PRODUCTION, Signing.ENABLED, CacheAccess.PRODUCTION)
DEVELOPMENT = Trust(Target.DEVELOPMENT, Signing.NAMED, CacheAccess.DEVELOPMENT)

MATRIX = {
    JobType.POSTSUBMIT: PRODUCTION,
    JobType.SCHEDULE: PRODUCTION,
    JobType.WORKFLOW_DISPATCH: PRODUCTION,
    JobType.PERIODIC: PRODUCTION,
    JobType.PRESUBMIT: DEVELOPMENT,
    JobType.MERGE_GROUP: DEVELOPMENT,
    JobType.BATCH: DEVELOPMENT,
    JobType.LOCAL: Trust(Target.DEVELOPMENT_IF_SET, Signing.ENABLED, CacheAccess.PRODUCTION),
}


@pytest.mark.parametrize("job_type", JobType)
def test_each_class_of_jobs_has_its_row(job_type: JobType) -> None:
    assert trust(job_type) == MATRIX[job_type]


def test_a_class_of_jobs_without_a_row_is_trusted_with_nothing() -> None:
    unknown: Any = "deployment"
    with pytest.raises(AssertionError, match="'deployment'"):
        trust(unknown)
