"""Where a process runs (container, terminal), to distinguish a job from a person's machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True, slots=True)
class Place:
    """``in_container``: a file of a container runtime is there. ``has_terminal``: a standard stream is a terminal."""

    in_container: bool = False
    has_terminal: bool = True

    def is_unattended(self, environment: Mapping[str, str]) -> bool:
        """True for a container or pod without a terminal, which more often is a job than a person's machine.

        ``CI=false`` says that it is not a job.
        """
        is_container = self.in_container or bool(environment.get("KUBERNETES_SERVICE_HOST"))
        return is_container and not self.has_terminal and environment.get("CI") != "false"


AT_A_TERMINAL: Final = Place()
"""A person's machine."""
