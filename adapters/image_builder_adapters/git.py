"""What git says of a working copy. A repository's own configuration must never run anything: hooks stay silent."""

import os
import re
import subprocess
from typing import Final

_SECONDS: Final = 10.0
_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false")


def working_copy_commit(directory: str) -> str | None:
    """The commit that is checked out, 40 or 64 hexadecimal digits; None without git or working copy."""
    return _answer(directory, ("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), r"[0-9a-f]{40}|[0-9a-f]{64}")


def commit_time(directory: str, commit: str) -> int | None:
    """The committer's time in seconds since 1970; None when git does not know the commit."""
    answer = _answer(directory, ("show", "--no-patch", "--format=%ct", f"{commit}^{{commit}}"), r"[0-9]+")
    return int(answer) if answer is not None else None


def _answer(directory: str, question: tuple[str, ...], shape: str) -> str | None:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        done = subprocess.run(
            ("git", "-C", directory, "--no-pager", *_QUIET, *question),  # noqa: S607 (the git of the user's PATH)
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    text = done.stdout.decode(errors="replace").strip()
    return text if done.returncode == 0 and re.fullmatch(shape, text) else None
