"""Which side of trust this job is on: decided once, from the configuration and the git state."""

from returns.result import Result, Success

from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state.state import GitState
from image_builder_domain.job import Job
from image_builder_domain.problem import Problems
from image_builder_domain.trust import claimed_side


def decide_job(configuration: Configuration, state: GitState) -> Result[Job, Problems]:  # noqa: ARG001 (the conditions of production ask it)
    """The job with its side, or why it is refused."""
    side = claimed_side(state.job_type)
    return Success(Job(state, side, f"the class {state.job_type.value}", state.job_type))
