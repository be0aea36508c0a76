"""The class of a job: what the trust matrix asks first."""

from enum import Enum


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
