"""The job with its side, for people and for the CI system: what was decided, and from which facts."""

from typing import Protocol

from image_builder_domain.job.state import CiSystem
from image_builder_domain.trust.job import Job, trust_facts

_WARNING_COMMANDS = {CiSystem.GITHUB: "::warning::", CiSystem.AZURE_PIPELINES: "##vso[task.logissue type=warning]"}
"""What stands before a warning that the CI system shows beside the job, not in its log alone."""


class Audience(Protocol):
    """A receiver of warnings."""

    def warning(self, text: str) -> None: ...  # noqa: D102
    def command_warning(self, command: str, text: str) -> None: ...  # noqa: D102


def warn(job: Job, audience: Audience) -> None:
    """Print the warnings about the job's side where the CI system shows them."""
    command = _WARNING_COMMANDS.get(job.state.system)
    for text in job.warnings:
        if command is None:
            audience.warning(text)
        else:
            audience.command_warning(command, text)


def job_as_text(job: Job) -> list[str]:
    """The same as rows of a plan."""
    facts = trust_facts(job)
    words = {True: "yes", False: "no", None: "not known"}
    rows = [f"  side      {job.side.value}: {job.reason}"]
    if job.listing is None:
        return rows
    rows.append(f"  ref       {facts['ref'] or 'not known'}, protected: {words[job.state.is_protected]}")
    if facts["pattern"] is not None:
        rows.append(f"  listed    {facts['pattern']}")
    if facts["nearest"] is not None:
        rows.append(f"  nearest   {facts['nearest']}")
    if job.state.is_fork:
        rows.append("  fork      yes")
    return rows
