"""Processes that tests ask about."""

import os
from pathlib import Path


def is_alive(number: int) -> bool:
    """Whether a process runs; an orphan that nobody reaps, as in some containers, does not."""
    try:
        os.kill(number, 0)
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
