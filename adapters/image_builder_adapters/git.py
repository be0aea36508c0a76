"""What the git program says about a working copy: its commit, and when that was made.

The working copy may be a stranger's pull request, and git obeys the configuration that lies in it. Whatever there
could start a program (a file system monitor, a signature check, a remote that lends missing objects) is switched off.
Ownership is not asked then: containers often run as another user than the one who checked the sources out.
"""

import re
import subprocess
from collections.abc import Mapping

from image_builder_domain.git_state.state import is_sha

from image_builder_adapters.process import find_program, search_path

_TIMEOUT = 10.0
_HARMLESS = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "log.showSignature=false"),
    *("-c", "safe.directory=*"),
    *("-c", "safe.bareRepository=explicit"),
)


def working_copy_commit(directory: str, environment: Mapping[str, str], revision: str = "HEAD") -> str | None:
    """The full name of the commit that is checked out, or of another ``revision`` (never a stranger's text).

    None without git, a working copy or that commit.
    """
    commit = _ask(directory, ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"), environment)
    return commit if commit is not None and is_sha(commit) else None


def commit_time(directory: str, commit: str, environment: Mapping[str, str]) -> int | None:
    """When a commit was made (committer's date, seconds since 1970); None when git cannot tell."""
    if not is_sha(commit):
        return None
    answer = _ask(directory, ("show", "-s", "--no-show-signature", "--format=%ct", commit), environment)
    return int(answer) if answer is not None and re.fullmatch(r"[0-9]{1,15}", answer) else None


def _ask(directory: str, question: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    program = find_program("git", environment)
    if program is None:
        return None
    try:
        ended = subprocess.run(
            [program, *_HARMLESS, "-C", directory, *question],
            env=_environment(environment),
            check=False,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.decode("ascii", "replace").strip() if ended.returncode == 0 else None


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """No secrets, no ``GIT_DIR`` of somebody else; no transport, and no other object in a commit's place."""
    return {
        "PATH": search_path(environment),
        **({"HOME": environment["HOME"]} if "HOME" in environment else {}),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
