"""The folders that the tool writes to (specification, section 1)."""

import os
from collections.abc import Mapping

from image_builder_domain.trust.side import Side

from image_builder.options import Options


def log_directory(options: Options, environment: Mapping[str, str]) -> str:
    """Where log files go: ``--log-dir``, ``$ARTIFACTS``, Prow's folder, or the user's state folder."""
    given = options.log_dir or environment.get("ARTIFACTS")
    if given:
        return str(given)
    if os.access("/logs/artifacts", os.W_OK):
        return "/logs/artifacts"
    return os.path.join(state_directory(environment), "logs")


def state_directory(environment: Mapping[str, str]) -> str:
    """What is kept between runs (XDG Base Directory Specification)."""
    home = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME") or _home(), ".local", "state")
    return os.path.join(home, "image-builder")


def _home() -> str:
    """The home folder of the system's user database, which a container may not have."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/tmp"  # noqa: S108 (such a container has a single user)


def engine_state_directory(environment: Mapping[str, str], side: Side) -> str:
    """What engines keep between runs. No side reads what another side leaves there, such as a cache mount."""
    kept = state_directory(environment)
    return kept if side.is_production else os.path.join(kept, side.value)
