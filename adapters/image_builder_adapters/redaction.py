"""The redactor: hides secrets in every output, in every encoding that this tool produces.

Apply it before :mod:`image_builder_adapters.console_text`, whose escapes would hide a secret from it.
"""

import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

if TYPE_CHECKING:
    from image_builder_domain.report.report import Report

HIDDEN = "***"
SHORTEST_SECRET = 4
"""Characters; a shorter value is part of too many ordinary words, and is not hidden."""

_PUBLISHED: Final = frozenset(
    (
        *("image_name", "images_list", "tags", "tag_names", "repository_path", "repositories", "digest"),
        *("architectures", "variant", "reference", "media_type", "platforms", "signer", "status", "outcome", "result"),
        "pipeline_status",
    )
)
"""Members of reports whose values are fixed words, or names that a registry publishes."""

_SHORTEST_LINE = 8
_SHORTEST_CORE = 6
_LINE_WIDTHS: Final = (64, 76)
"""Characters in a line of base64: openssl and PEM; ``base64`` and MIME."""


@final
class Redactor:
    """Replaces secrets by ``***``, also their base64, URL-encoded, JSON-escaped and ``repr`` forms.

    Each line of a multi-line secret with 8 characters or more is a secret of its own, since logs are redacted line by
    line. Safe to use from several threads; :meth:`learn` takes effect for what is redacted afterwards.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._groups: dict[Group, None] = {}
        self._known_secrets: set[str] = set()
        self._new: list[str] = list(secrets)
        self._finder = SecretFinder(())

    def learn(self, secret: str) -> None:
        """Hide this secret, too, from now on: a token that came at run time."""
        with self._lock:
            self._new.append(secret)

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        data = _encode(text)
        clean = self.data(data)
        return text if clean == data else clean.decode("utf-8", "surrogateescape")

    def data(self, data: bytes) -> bytes:
        """``data`` without secrets; a secret is UTF-8 in it."""
        found = self._known().found(data)
        return _one_of(found).sub(HIDDEN.encode(), data) if found else data

    def report(self, report: "Report") -> "Report":
        """The report with its texts redacted, as :meth:`document` does."""
        redacted: Report = self.document(report)
        return redacted

    def document(self, value: Any) -> Any:
        """A JSON document, or a dataclass, with its texts redacted except for the published names of a report.

        A secret may be a common word, such as ``true``: it must break no document, and no digest.
        """
        if is_dataclass(value) and not isinstance(value, type):
            names = (field.name for field in fields(value) if field.name not in _PUBLISHED)
            return replace(value, **{name: self.document(getattr(value, name)) for name in names})
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: own if key in _PUBLISHED else self.document(own) for key, own in value.items()}
        return type(value)(map(self.document, value)) if isinstance(value, (list, tuple)) else value

    def settled(self, data: bytes) -> int:
        """Count the bytes that can be redacted now, if more of the last line may follow: no secret is cut in two."""
        finder = self._known()
        if not finder.longest or data.endswith(b"\n"):
            return len(data)
        end = max(data.rfind(b"\n") + 1, len(data) - finder.longest + 1)
        found = finder.found(data)
        if not found:
            return end
        cut = (match for match in _one_of(found).finditer(data) if match.start() < end < match.end())
        return next((match.start() for match in cut), end)

    def _known(self) -> "SecretFinder":
        """A finder of every known secret. It makes encodings when they are first needed."""
        if self._new:
            with self._lock:
                new, self._new = self._new, []
                for secret in (secret for secret in new if secret not in self._known_secrets):
                    self._known_secrets.add(secret)
                    self._groups.update(dict.fromkeys(secret_groups(secret)))
                self._finder = SecretFinder(self._groups)
        return self._finder


@final
class PieceRedactor:
    """Redacts one output that comes in blocks: whole lines, and pieces of lines that are too long to come at once.

    Of a piece as many bytes are held back as a secret could go on for, until the next block comes; whole lines never
    wait. One thread at a time.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def __call__(self, block: bytes) -> bytes:
        """The redacted bytes that can be shown now, possibly none."""
        data = self._held + block
        end = self._redactor.settled(data)
        self._held = data[end:]
        return self._redactor.data(data[:end])

    def rest(self) -> bytes:
        """The redacted rest of an output that ended within a line."""
        held, self._held = self._held, b""
        return self._redactor.data(held)


def _one_of(forms: tuple[bytes, ...]) -> "re.Pattern[bytes]":
    return re.compile(b"|".join(map(re.escape, forms)))


def secret_groups(secret: str) -> "Iterator[Group]":
    """The encodings of a secret and of each of its long lines; nothing for a secret of fewer than 4 characters."""
    parts = dict.fromkeys((secret, secret.strip()))
    parts |= dict.fromkeys(line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE)
    for part in parts:
        if len(part.strip()) >= SHORTEST_SECRET:
            yield tuple(sorted({_encode(form) for form in _forms(part) if len(form) >= SHORTEST_SECRET}))


def _forms(part: str) -> Iterator[str]:
    raw = _encode(part)
    yield part
    import json  # most runs of the quick modes know no secret: do not load these for them
    from urllib.parse import quote, quote_plus

    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1])
    for standard in _base64_forms(raw):
        yield standard
        yield standard.replace("+", "-").replace("/", "_")


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Base64 of the secret alone, and what it becomes inside of longer content (``user:secret``).

    Three bytes make four characters, so there are three ways to lie in longer content; the characters at the ends that
    depend on the neighbours are left out. Programs break long base64 into lines, each of which gives a part away.
    """
    import base64

    whole = base64.b64encode(raw).decode("ascii")
    yield whole
    yield whole.rstrip("=")
    for offset in range(3):
        first, last = -(-8 * offset // 6), 8 * (offset + len(raw)) // 6
        core = base64.b64encode(bytes(offset) + raw).decode("ascii")[first:last]
        if len(core) >= _SHORTEST_CORE:
            yield core
    yield from base64_lines(whole)


def base64_lines(encoded: str) -> Iterator[str]:
    """The lines into which programs break base64, except for short ones."""
    for width in _LINE_WIDTHS:
        lines = (encoded[start : start + width] for start in range(0, len(encoded), width))
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE)


def _encode(text: str) -> bytes:
    """UTF-8. Bytes of an environment variable that were not UTF-8 stay as they were; half a surrogate pair is ``?``."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udc7f\udd00-\udfff]", "?", text).encode("utf-8", "surrogateescape")


# --- search for many secrets ------------------------------------------------------------------------------------------

_WORD: Final = 8
# The least length at which a run holds a whole aligned word wherever it begins.
_SHORTEST_ANCHOR: Final = 2 * _WORD - 1
_RUNS: Final = re.compile(rb"[0-9A-Za-z]+")
_IS_ALPHANUMERIC: Final = bytes(ord("x") if chr(byte).isalnum() and byte < 128 else ord(" ") for byte in range(256))

Group = tuple[bytes, ...]
"""The encodings of one secret."""


@final
class SecretFinder:
    """Finds which of many secrets are in a block of output, in a time that hardly depends on their number.

    A build prints gigabytes, and a job may know hundreds of secrets (each line of a private key is one) in a dozen
    encodings each. A search for one after the other takes about 1 s for each GB and encoding. So every encoding is
    represented by an *anchor*, its longest run of letters and digits, and a block is searched in three steps, each of
    them one call into C:

    1. Has it any run of letters and digits that is as long as the shortest anchor? Most blocks have none.
    2. Of every 8 aligned bytes, read as a number, is any a part of an anchor? An anchor of 15 bytes or more has 8
       aligned bytes in it at any position. This leaves next to nothing but secrets.
    3. Which encodings of the secrets that these numbers belong to are really there?

    Encodings with a shorter anchor, mostly of short passwords, are searched for one after the other. A finder does not
    change. It is safe to use from several threads.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self._words: dict[int, tuple[Group, ...]] = {}
        self._plain: list[tuple[bytes, Group]] = []
        self._run = b""
        self.longest = 0
        shortest: int | None = None
        for group in groups:
            self.longest = max(self.longest, *map(len, group))
            for form in _minimal(group):
                anchor = max(_RUNS.findall(form), key=len, default=b"")
                if len(anchor) < _SHORTEST_ANCHOR:
                    self._plain.append((form, group))
                    continue
                shortest = min(shortest or len(anchor), len(anchor))
                for word in _words(anchor):
                    self._words[word] = (*self._words.get(word, ()), group)
        if shortest is not None:
            self._run = b"x" * shortest
        self._known_words = frozenset(self._words)

    def found(self, data: bytes) -> tuple[bytes, ...]:
        """Every encoding in ``data``, the longest first: so that no rest of one stays when they are replaced."""
        groups = {group for form, group in self._plain if form in data}
        if self._run and self._run in data.translate(_IS_ALPHANUMERIC):
            aligned = memoryview(data)[: len(data) // _WORD * _WORD].cast("Q")
            for word in self._known_words.intersection(aligned):
                groups.update(self._words[word])
        forms = {form for group in groups for form in group if form in data}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _minimal(group: Group) -> Iterator[bytes]:
    """The encodings that hold no other one: where none of these is, none of the others can be."""
    kept: list[bytes] = []
    for form in sorted(group, key=len):
        if not any(other in form for other in kept):
            kept.append(form)
            yield form


def _words(anchor: bytes) -> set[int]:
    return {int.from_bytes(anchor[start : start + _WORD], sys.byteorder) for start in range(len(anchor) - _WORD + 1)}
