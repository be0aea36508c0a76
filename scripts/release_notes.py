"""Print the notes of a release, the newest section of ``CHANGELOG.md``.

Usage: ``python3 scripts/release_notes.py TAG``, with the tag ``v<version>`` of a commit made for a release. Exit code:
0, or 1 if the tag is not the version of the code, the changelog does not begin with that version, or notes are left in
``changelog``.
"""

import re
import runpy
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
VERSION: Final = "entrypoints/image_builder/__init__.py"
_SECTION: Final = re.compile(r"^## (\S+) .*\n((?:(?!## ).*\n?)*)", re.MULTILINE)


def main(tag: str, root: Path = ROOT) -> int:
    """Print the notes, or on standard error why the commit is not ready for a release."""
    version = runpy.run_path(str(root / VERSION))["__version__"]
    section = _SECTION.search((root / "CHANGELOG.md").read_text())
    left = sorted(note.name for note in (root / "changelog").glob("*.md"))
    problem = ""
    if tag != f"v{version}":
        problem = f"the tag is {tag!r}, but {VERSION} has the version {version!r}: tag the commit as 'v{version}'"
    elif left:
        problem = f"changelog/{left[0]} is not in CHANGELOG.md: run `towncrier build --version {version}`"
    elif section is None or section[1] != version:
        problem = f"CHANGELOG.md does not begin with '## {version}': run `towncrier build --version {version}`"
    if problem or section is None:
        print(f"release_notes: {problem}", file=sys.stderr)
        return 1
    print(section[2].strip())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
