"""What each class of jobs can claim at most: a pull request can never publish or sign as production."""

from typing import Any

import pytest
from image_builder_domain.job.state import JobType
from image_builder_domain.trust.job import Side, claimed_side

CLAIMS = {
    JobType.POSTSUBMIT: Side.PRODUCTION,
    JobType.SCHEDULE: Side.PRODUCTION,
    JobType.WORKFLOW_DISPATCH: Side.PRODUCTION,
    JobType.PERIODIC: Side.PRODUCTION,
    JobType.PRESUBMIT: Side.UNMERGED,
    JobType.MERGE_GROUP: Side.UNMERGED,
    JobType.BATCH: Side.UNMERGED,
    JobType.LOCAL: Side.LOCAL,
}


@pytest.mark.parametrize("job_type", JobType)
def test_each_class_of_jobs_has_its_row(job_type: JobType) -> None:
    assert claimed_side(job_type) is CLAIMS[job_type]


def test_a_class_of_jobs_without_a_row_is_trusted_with_nothing() -> None:
    is_proposal: Any = JobType.is_proposal
    with pytest.raises(AssertionError, match="'deployment'"):
        is_proposal.fget("deployment")
