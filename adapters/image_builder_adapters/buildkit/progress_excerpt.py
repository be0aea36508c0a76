"""The place of a failure, as ``buildctl`` prints it after the progress: file, line, and the lines around it.

Source: BuildKit's ``solver/errdefs/source.go``::

    Dockerfile:4
    --------------------
       3 |     WORKDIR /x
       4 | >>> RUN make
    --------------------
"""

import re
from typing import Final, final

from image_builder_domain.build_steps import ExcerptLine, FailurePlace

_PLACE: Final = re.compile(r"(.{1,500}):(\d{1,9})")
_RULE: Final = b"-" * 20
_LINE: Final = re.compile(r" *(\d{1,9}) \| (>>>|   ) (.*)", re.DOTALL)
_MOST_LINES: Final = 30
_LONGEST_LINE: Final = 500


@final
class ExcerptReader:
    """Takes plain lines. ``place`` is the first that was found; BuildKit prints the innermost first."""

    def __init__(self) -> None:
        self.place: FailurePlace | None = None
        self._before = b""
        self._is_inside = False

    @property
    def is_open(self) -> bool:
        """True within an excerpt."""
        return self._is_inside

    def read(self, line: bytes) -> None:
        """Take one line without its end."""
        if self._is_inside:
            self._is_inside = self._add(line)
        elif line == _RULE and self.place is None:
            found = _PLACE.fullmatch(self._before.decode("utf-8", "replace"))
            if found is not None:
                self.place, self._is_inside = FailurePlace(found[1], int(found[2])), True
        self._before = line[:1000]

    def _add(self, line: bytes) -> bool:
        found = _LINE.fullmatch(line.decode("utf-8", "replace"))
        if found is None or self.place is None:
            return False
        if len(self.place.excerpt) < _MOST_LINES:
            text = found[3].removesuffix("\r")[:_LONGEST_LINE]
            added = ExcerptLine(int(found[1]), text, is_marked=found[2] == ">>>")
            self.place = FailurePlace(self.place.file, self.place.line, (*self.place.excerpt, added))
        return True
