"""The Go-style scanner: ``-flag`` and ``--flag`` are the same, switches never take the next argument.

Source: Go's package ``flag``; unlike it, scanning goes on after a mistake, so that all problems are reported together.
Standard library only, and as little of it as can be: ``--help`` must be quick.
"""

from image_builder.flag_table import (
    CHOICE,
    DURATION,
    FLAGS,
    LIST,
    NUMBER,
    REPEATED,
    SIGNING_FLAGS,
    SWITCH,
    TEXT,
    VERBS,
    help_text,
    signing_help_text,
)

__all__ = ["Scan", "help_text", "scan", "scan_signing", "signing_help_text"]

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_BOOLEANS: dict[str, bool] = {word: word in _TRUE for word in (*_TRUE, *_FALSE)}
_TAKES_IMAGES = ("verify",)
# The domain says what is wrong with an empty element of these.
_CHECKED_LATER = ("tag", "build-arg", "move-back")


class Scan:
    """A scanned command line.

    ``values`` has every flag with its value or default, ``given`` the names that were written, ``problems`` each
    mistake as (where, what, remedy), ``rest`` the words that are not flags.
    """

    __slots__ = ("given", "known", "problems", "rest", "values", "verb", "verbs")

    def __init__(self, verb: str, known: list[str], verbs: list[str]) -> None:
        self.verb = verb
        self.known = known
        self.verbs = verbs
        self.values: dict[str, object] = {name: _default(name) for name in FLAGS}
        self.given: set[str] = set()
        self.problems: list[tuple[str, str, str]] = []
        self.rest: list[str] = []


def scan(arguments: list[str]) -> Scan:
    """Read the words after ``image-builder``; never raises."""
    return _scan(arguments, Scan("build", list(FLAGS), [verb for verb, _ in VERBS]))


def scan_signing(arguments: list[str]) -> Scan:
    """Read the words after ``image-signer``, which has few of the flags and no verb; never raises."""
    return _scan(arguments, Scan("sign", SIGNING_FLAGS, []))


def _scan(arguments: list[str], found: Scan) -> Scan:
    words = list(reversed(arguments))
    if words and words[-1] in found.verbs:
        found.verb = words.pop()
    while words:
        word = words.pop()
        if word == "--":
            found.rest += reversed(words)
            break
        if len(word) < 2 or word[0] != "-":
            found.rest.append(word)
        else:
            _flag(found, word, words)
    if found.verb not in _TAKES_IMAGES:
        found.problems += [_stray(found, word, is_first=arguments[:1] == [word]) for word in found.rest]
    return found


def _stray(found: Scan, word: str, *, is_first: bool) -> tuple[str, str, str]:
    if word in found.verbs:
        return repr(word), "only the first word can be a verb", "put it first, or remove it"
    remedy = "remove it, or quote the value before it"
    near = (_nearest(word, found.verbs) if is_first else None) or _nearest(word, found.known, "--")
    return (
        repr(word),
        "unknown command" if found.verbs and is_first else "unexpected argument",
        f"did you mean {near}? If not, {remedy}" if near else remedy,
    )


def _nearest(word: str, known: list[str], dashes: str = "") -> str | None:
    from difflib import get_close_matches  # only a mistake pays for it

    close = get_close_matches(word.partition("=")[0].lower(), known, n=1)
    return dashes + close[0] if close else None


def _default(name: str) -> object:
    kind, default = FLAGS[name][1:3]
    if kind in (REPEATED, LIST):
        return []
    return ("human" if name == "output" else None) if kind == CHOICE else default


def _flag(found: Scan, word: str, words: list[str]) -> None:
    name, equals, value = word[2 if word[1] == "-" else 1 :].partition("=")
    name = "help" if name == "h" else name
    if not name or name[0] in "-=":
        place = "".join(word.partition("=")[:2])  # its value could be a secret
        found.problems.append((place, "invalid flag", "write -flag or --flag"))
        return
    if name not in found.known:
        _unknown(found, name, bool(equals), words)
        return
    if not equals and FLAGS[name][1] == SWITCH:
        value = "true"
    elif not equals:
        if not words:
            found.given.add(name)
            found.problems.append((f"--{name}", "its value is missing", f"write --{name} VALUE"))
            return
        value = words.pop()
    _set(found, name, value)


def _unknown(found: Scan, name: str, has_value: bool, words: list[str]) -> None:
    near = _nearest(name, found.known, "--")
    remedy = f"did you mean {near}?" if near else "see --help"
    found.problems.append((f"--{name}", "unknown flag", remedy))
    if not has_value and words and words[-1][:1] != "-":
        words.pop()  # probably its value


def _set(found: Scan, name: str, text: str) -> None:
    kind = FLAGS[name][1]
    value: object = text
    problem = None
    if not text and name not in _CHECKED_LATER:
        problem = "its value is empty"
    elif kind in (REPEATED, LIST):
        listed = found.values[name]
        assert isinstance(listed, list)  # noqa: S101 (the table says so)
        value = listed + (text.split(",") if kind == LIST else [text])
    else:
        value, problem = (text, None) if kind == TEXT else _converted(name, kind, text)
        problem = problem or _contradiction(found, name, value)
    found.given.add(name)
    if problem is not None:
        found.problems.append((f"--{name}", problem, f"see --help for --{name}"))
    if problem is None or (kind == TEXT and not text):  # an empty value must not turn into the default
        found.values[name] = value


def _contradiction(found: Scan, name: str, value: object) -> str | None:
    """A flag with two values. In Go the last one counts; here no value is ignored. A refused value is not compared."""
    was_refused = any(where == f"--{name}" for where, _, _ in found.problems)
    if name not in found.given or was_refused or found.values[name] == value:
        return None
    return f"it has two values, {_shown(found.values[name])} and {_shown(value)}"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _converted(name: str, kind: str, text: str) -> tuple[object, str | None]:
    if kind == SWITCH:
        return _BOOLEANS.get(text), None if text in _BOOLEANS else f"{text!r} is neither true nor false"
    if kind == NUMBER:
        good = text.isascii() and text.isdecimal() and 0 < len(text) < 7 and int(text) > 0
        return int(text) if good else None, None if good else f"{text!r} is not a whole number from 1"
    if kind == DURATION:
        return _seconds(text)
    choices = FLAGS[name][2]
    assert isinstance(choices, tuple)  # noqa: S101 (the table says so)
    return text, None if text in choices else f"{text!r} is not one of {', '.join(choices)}"


def _seconds(text: str) -> tuple[object, str | None]:
    from image_builder_domain.go.duration import seconds
    from returns.result import Success

    found = seconds(text)
    if isinstance(found, Success) and found.unwrap() > 0:
        return found.unwrap(), None
    return None, f"{text!r} is not a positive duration such as 10s, 5m or 1h30m"
