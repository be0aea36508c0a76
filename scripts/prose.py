"""Check the words of the project: phrases that read badly, and subjects of commits that are too long.

Part of ``tox -e lint``. Checks every tracked text file for the phrases in ``PHRASES``, and the subject of each commit
that was made after ``SINCE``; merge commits are made by machines. Prints one line for each problem, with a replacement.
Exit code: 0 nothing found, 1 otherwise.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LONGEST_SUBJECT: Final = 72
SINCE: Final = "2026-11-30T20:40:00Z"
"""When the rule about subjects began; older commits are left as they are."""

# A pattern, matched without regard to case, and what to write instead.
PHRASES: Final = {
    r"(?<!there )\b(?:is|are|was|were) no (?!longer\b|more\b)": '"is not a", "has no", "there is no"',
    r"\bmend(?:s|ed|ing)?\b": '"fix", "correct"',
    r"\bwhoever\b": "the actor: the user, the caller, the administrator",
    r"\bwhatever\b": '"any", "everything that"',
    r"\btold\b": '"reported", "printed", or who reports it',
    r"\bbrakes?\b": '"cancellation", "limit"',
    r"\bgrace\b(?![ -]period)": '"grace period", "time limit"',
    r"\bvoices?\b": '"output", "presenter"',
    r"\b(?:the|this|our) house\b|\bhouse style\b": '"the project", "the repository"',
}
# Answers of others, recorded or generated; and this list, with its test.
NOT_OURS: Final = (
    "tests/contract/cassettes/",
    "uv.lock",
    "LICENSE",
    "CHANGELOG.md",
    "scripts/prose.py",
    "tests/unit/project/test_prose.py",
)


def main() -> int:
    """Exit code: 0 nothing found, 1 something."""
    if not (ROOT / ".git").exists():
        print("prose: this is not a git working copy; run the check in a clone")
        return 1
    problems = [*phrases(), *subjects()]
    for problem in problems:
        print(problem)
    return int(bool(problems))


def phrases() -> Iterator[str]:
    """Every phrase in a tracked text file, with file, line and replacement."""
    patterns = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in PHRASES.items()]
    for name in _git("ls-files", "-z").split("\0"):
        file = ROOT / name
        if not name or name.startswith(NOT_OURS) or not file.is_file():
            continue
        try:
            lines = file.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            for pattern, instead in patterns:
                if found := pattern.search(line):
                    yield f"{name}:{number}: {found.group().strip()!r}: write {instead}"


def subjects() -> Iterator[str]:
    """Every commit after ``SINCE`` whose subject is too long."""
    for line in _git("log", "--no-merges", f"--since={SINCE}", "--format=%h %s").splitlines():
        commit, subject = line.split(" ", 1)
        if len(subject) > LONGEST_SUBJECT:
            length = f"{len(subject)} characters, more than {LONGEST_SUBJECT}"
            yield f"commit {commit}: the subject has {length}: {subject}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
