"""The ports for evidence: logs, reports and output files.

Adapters implement these protocols, as those of :mod:`image_builder_domain.ports`.
"""

from typing import Protocol

from returns.result import Result

from image_builder_domain.failure import ArtifactFailure


class LogFile(Protocol):
    """An open log of one build: complete, line by line, secrets redacted."""

    @property
    def path(self) -> str:
        """Where it lies."""
        ...

    def write(self, lines: bytes) -> None:
        """Append; a failure is kept for :meth:`close`, so that a full disk never stops a build."""
        ...

    def close(self) -> Result[str, ArtifactFailure]:
        """Flush and close; the path, or why something is missing from the file."""
        ...


class Artifacts(Protocol):
    """Writes evidence: logs, reports, output files.

    Takes   names (below the log directory) and paths, with bytes.
    Gives   the path written. Files are atomic (temporary file in the same folder, then rename), never follow a link
            in their last part, nor one that a git working copy contains, and never replace another run's log.
    Fails   with :class:`ArtifactFailure`. Never raises.
    """

    def check_logs(self) -> Result[str, ArtifactFailure]:
        """Whether :meth:`open_log` can work, as far as it can be seen without changing anything; the log directory."""
        ...

    def check(self, path: str) -> Result[str, ArtifactFailure]:
        """Whether :meth:`write` can work, as far as it can be seen without changing anything."""
        ...

    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        """Open ``<log-dir>/<name>`` for one build; a unique name is found when it is taken by another run."""
        ...

    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        """Write a whole file at once."""
        ...

    def discard(self, path: str) -> Result[str, ArtifactFailure]:
        """Remove the file that an earlier run wrote there; a file that is not there is removed already."""
        ...


class EvidenceFiles(Artifacts, Protocol):
    """The same, with what later steps of a CI system read."""

    def append(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        """Add to the end of a file that the CI system made."""
        ...

    def link_on(self, folder: str) -> str:
        """Why a folder must not be used: the link on its path that is not followed; empty without one."""
        ...
