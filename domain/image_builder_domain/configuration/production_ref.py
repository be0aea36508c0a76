"""Refs that hold merged code: the syntax and the meaning of ``production-refs``.

A mapping from repositories to lists of refs. Its keys are ``'*'``, ``org/*``, ``org/repo`` and ``host/org/repo``; of
those that fit a repository only the most specific one counts, so that an entry can also narrow a wider one. Names of
hosts and repositories compare without case, as forges compare them. Refs compare in full and byte by byte, as git does.

A ref decides registry, signers and caches, so everything that is not certain is not production.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read
from image_builder_domain.job.git_state import GitState
from image_builder_domain.problem import Problem

BRANCH = "refs/heads/"
TAG = "refs/tags/"

_LONGEST_REF = 4096
"""Characters; git keeps refs as files, and Linux has no longer paths. Bounds the work on a foreign name."""
_NAME = r"[A-Za-z0-9_.-]+"
_HOST = r"(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+(?=:))(:[0-9]+)?"
_HOST_KEY = re.compile(rf"{_HOST}(/{_NAME}){{2,}}")
_KEY = rf"\*|{_HOST}(/{_NAME}){{2,}}|{_NAME}/\*|{_NAME}/{_NAME}|(?!{_HOST}/){_NAME}(/{_NAME})+(/\*)?"
# git check-ref-format; a pattern has "*" besides.
_NOT_IN_A_REF = re.compile(r"[\x00-\x20\x7f~^:?\[\\]|\.\.|@\{|//|(^|/)\.|\.(lock)?(/|$)|^/|/$")


@final
@dataclass(frozen=True, slots=True)
class MalformedRefPattern:
    """Text that cannot be an entry of ``production-refs``."""

    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.text[:80]!r} {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class RefPattern:
    """One entry of a list. ``text`` is as written; ``full`` begins with ``refs/heads/`` or ``refs/tags/``."""

    text: str
    full: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedRefPattern]:
        """Accept a branch's name, or a full ref. ``*`` stands for any characters but ``/``, ``**`` for any characters.

        A pattern that names nothing (``*``, ``**``, ``refs/**``) is refused: it would make every branch production.
        """
        reason = _flaw(text)
        if reason:
            return Failure(MalformedRefPattern(text, reason))
        return Success(cls(text, text if text.startswith("refs/") else branch_ref(text)))

    @property
    def has_wildcard(self) -> bool:
        """True when more than one ref can match, among them refs that do not exist yet."""
        return "*" in self.full

    def matches(self, full_ref: str) -> bool:
        """True when the whole ref matches. Time is at most proportional to both lengths multiplied."""
        if not self.has_wildcard:
            return self.full == full_ref
        return len(full_ref) <= _LONGEST_REF and _matches_glob(self.full, full_ref)


@final
@dataclass(frozen=True, slots=True)
class ProductionRef:
    """A ref that is listed: the ``pattern`` and the ``key`` as written, and whether a wildcard was needed."""

    key: str
    pattern: str
    through_wildcard: bool


@final
@dataclass(frozen=True, slots=True)
class NotProductionRef:
    """A ref that is not listed.

    ``key`` is the entry that counts for the repository; None when there is none. ``nearest`` is what is written there
    and most alike: a pattern of ``key``, without a ``key`` another key; empty when nothing is alike.
    """

    repository: str
    ref: str
    key: str | None
    nearest: str
    reason: str

    def __str__(self) -> str:
        alike = f" (the nearest entry is {self.nearest!r})" if self.nearest else ""
        return f"{self.ref[:200]!r} of {self.repository} is not a production ref: {self.reason}{alike}"


@final
@dataclass(frozen=True, slots=True)
class ProductionRefs:
    """A checked ``production-refs``; keys as written. Made by :data:`production_refs`."""

    entries: Mapping[str, tuple[RefPattern, ...]]

    def match(self, host: str, repository: str, full_ref: str) -> ProductionRef | NotProductionRef:
        """Find the pattern that lists a ref; one without a wildcard is preferred, then the first.

        ``host`` is where the repository lies (``github.com``), empty when the CI system does not say.
        ``repository`` is ``org/repo``, with GitLab's subgroups in between. ``full_ref`` begins with ``refs/``.
        """
        written = {key.lower(): key for key in self.entries}
        if not host:
            unclear = [key for key in written if _HOST_KEY.fullmatch(key) and _below_host(key) == _folded(repository)]
            if unclear:
                reason = f"the host is unknown here, so the key {written[unclear[0]]!r} may or may not apply"
                return NotProductionRef(repository, full_ref, None, "", f"{reason}; write the key without a host")
        key = next((written[key] for key in _keys_for(host, repository) if key in written), None)
        if key is None:
            nearest = written.get(_alike(repository, written), "")
            return NotProductionRef(repository, full_ref, None, nearest, "no key covers the repository")
        return self._match_in(key, repository, full_ref)

    def _match_in(self, key: str, repository: str, full_ref: str) -> ProductionRef | NotProductionRef:
        patterns = sorted(self.entries[key], key=lambda pattern: pattern.has_wildcard)
        for pattern in patterns:
            if pattern.matches(full_ref):
                return ProductionRef(key, pattern.text, pattern.has_wildcard)
        full = {pattern.full: pattern.text for pattern in patterns}
        nearest = full.get(_alike(full_ref, full), "")
        return NotProductionRef(repository, full_ref, key, nearest, f"the key {key!r} does not list it")


def names_host(key: str) -> str | None:
    """The host in lower case that a key names, None for a key without one."""
    return key.partition("/")[0].lower() if _HOST_KEY.fullmatch(key) else None


def branch_ref(name: str) -> str:
    """The full ref of a variable for branches; ``refs/x`` there is a branch, too."""
    return BRANCH + name


def tag_ref(name: str) -> str:
    """The full ref of what a variable for tags holds."""
    return TAG + name


def _flaw(text: str) -> str:
    """What is wrong with a pattern; empty when nothing is."""
    if re.fullmatch(r"(refs/)?[*/]+", text):
        return "alone would list every branch: name the branches, or write refs/heads/* if you mean it"
    if text.startswith("!"):
        return "excludes nothing: only what is listed is production"
    if "***" in text:
        return "has three * in a row: write *, or ** to match / as well"
    if not text or _NOT_IN_A_REF.search(text):
        return "is not a ref; the only wildcards are * and **"
    if text.startswith("refs/") and not text.startswith((BRANCH, TAG)):
        return f"is neither a branch nor a tag: begin with {BRANCH} or {TAG}"
    return ""


def _keys_for(host: str, repository: str) -> Iterator[str]:
    """Keys that cover a repository, the most specific one first.

    GitLab allows a group ``github.com`` with a subgroup ``acme``: what can be read as a host is never a group's name.
    """
    path = _folded(repository)
    with_host = f"{_folded(host)}/{path}"
    if _HOST_KEY.fullmatch(with_host):
        yield with_host
    if not _HOST_KEY.fullmatch(path):
        yield path
    yield f"{path.rpartition('/')[0]}/*"
    yield "*"


def _below_host(key: str) -> str:
    return key.partition("/")[2]


def _folded(name: str) -> str:
    """Lower case, of ASCII only: the lower case of the Kelvin sign is a ``k``."""
    return name.lower() if name.isascii() else name


def _matches_glob(pattern: str, text: str) -> bool:
    """Follow all ways through the pattern at once: no input makes it try them one after the other."""
    symbols = re.findall(r"\*\*|[^*]|\*", pattern)
    places = _with_skips({0}, symbols)
    for character in text:
        stay = {place for place in places if place < len(symbols) and _repeats(symbols[place], character)}
        step = {place + 1 for place in places if place < len(symbols) and symbols[place] == character != "*"}
        places = _with_skips(stay | step, symbols)
    return len(symbols) in places


def _with_skips(places: set[int], symbols: list[str]) -> set[int]:
    """A wildcard also stands for nothing."""
    found = set(places)
    for place in sorted(places):
        while place < len(symbols) and symbols[place] in ("*", "**"):
            place += 1
            found.add(place)
    return found


def _repeats(symbol: str, character: str) -> bool:
    return symbol == "**" or (symbol == "*" and character != "/")


def _alike(word: str, known: Mapping[str, Any]) -> str:
    """The most similar of the known words; empty when none is similar. Long words are not compared."""
    from difflib import get_close_matches  # only a refused job needs it

    close = get_close_matches(word.lower()[:200], [name for name in known if len(name) <= 200][:200], n=1, cutoff=0.5)
    return close[0] if close else ""


def _without_twins(
    entries: dict[str, tuple[RefPattern, ...]],
) -> Result[ProductionRefs, str]:
    """Refuse two keys that differ only in case: which list applies would be a guess."""
    written: dict[str, str] = {}
    for key in entries:
        if key.lower() in written:
            return Failure(f"{written[key.lower()]!r} and {key!r} name the same repository")
        written[key.lower()] = key
    return Success(ProductionRefs(entries))


production_refs: read.Decoder[ProductionRefs] = read.map_of(
    read.list_of(
        read.text.parsed(RefPattern.parse, "write a branch such as main or release/*, or a tag as refs/tags/v*")
    ),
    _KEY,
    "'*', org/*, org/repo or host/org/repo",
).parsed(_without_twins, "keep one of them")
"""Reads a ``production-refs`` mapping, wherever administrators write it."""

# --- probable mistakes --------------------------------------------------------------------------------------------

_USUAL_DEFAULTS = {"main": "master", "master": "main"}


def advise(listed: ProductionRefs | None, state: GitState) -> Iterator[Problem]:
    """One piece of advice for each entry that is valid but probably a mistake; ``state`` is of this job."""
    if listed is None:
        return
    for key, patterns in listed.entries.items():
        where = f"production-refs.{key}"
        host = names_host(key)
        if host is not None and state.host is not None and host != state.host.lower():
            what = f"the key is for {host}, and the repository of this job lies on {state.host}"
            yield Problem(where, what, "leave the host out, or write that of the job")
        for pattern in patterns:
            yield from _about(where, pattern)
        yield from _other_default(where, patterns, state.default_branch)


def _about(where: str, pattern: RefPattern) -> Iterator[Problem]:
    version = re.fullmatch(rf"{BRANCH}(v[0-9.]*\*.*)", pattern.full)
    folder = re.fullmatch(rf"{BRANCH}(releases?|hotfix|support|maintenance|stable)", pattern.full)
    if re.fullmatch(rf"{BRANCH}\*+", pattern.full):
        yield Problem(where, f"{pattern.text!r} lists branches that anybody may push", "name the branches")
    if version is not None:
        yield Problem(where, f"{pattern.text!r} lists branches, not tags", f"for tags write refs/tags/{version[1]}")
    if folder is not None:
        what = f"{pattern.text!r} is one branch of this name, and lists none below it"
        yield Problem(where, what, f"for these write {folder[1]}/*")


def _other_default(where: str, patterns: tuple[RefPattern, ...], default: str | None) -> Iterator[Problem]:
    other = _USUAL_DEFAULTS.get(default or "")
    if other is None or any(pattern.matches(f"{BRANCH}{default}") for pattern in patterns):
        return
    if any(pattern.full == f"{BRANCH}{other}" for pattern in patterns):
        yield Problem(where, f"{other!r} is listed, and the default branch is {default!r}", f"write {default}")
