"""The Go-style scanner: ``-flag`` and ``--flag`` are the same, switches never take the next argument.

Source: Go's package ``flag``; unlike it, scanning goes on after a mistake, so that every problem is told at once.
Standard library only, and as little of it as can be: ``--help`` must be quick.
"""

from image_builder.flag_table import CHOICE, DURATION, FLAGS, LIST, NUMBER, REPEATED, SWITCH, TEXT, VERBS, help_text

__all__ = ["Scan", "help_text", "scan"]

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
_TAKES_IMAGES = ("verify",)
# The domain says what is wrong with an empty element of these.
_CHECKED_LATER = ("tag", "build-arg")


class Scan:
    """A scanned command line.

    ``values`` has every flag with its value or default, ``given`` the names that were written, ``problems`` each
    mistake as (where, what, remedy), ``rest`` the words that are no flags.
    """

    __slots__ = ("given", "problems", "rest", "values", "verb")

    def __init__(self) -> None:
        self.verb = "build"
        self.values: dict[str, object] = {name: _default(name) for name in FLAGS}
        self.given: set[str] = set()
        self.problems: list[tuple[str, str, str]] = []
        self.rest: list[str] = []


def scan(arguments: list[str]) -> Scan:
    """Read the words after the program's name; never raises."""
    found = Scan()
    words = list(reversed(arguments))
    if words and words[-1] in dict(VERBS):
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
        found.problems += [
            (repr(word), "this word is no flag", "remove it, or quote the value before it") for word in found.rest
        ]
    return found


def _default(name: str) -> object:
    kind, default = FLAGS[name][1:3]
    if kind in (REPEATED, LIST):
        return []
    return ("human" if name == "output" else None) if kind == CHOICE else default


def _flag(found: Scan, word: str, words: list[str]) -> None:
    name, equals, value = word[2 if word[1] == "-" else 1 :].partition("=")
    name = "help" if name == "h" else name
    if not name or name[0] in "-=":
        found.problems.append((word, "this is no flag", "write -flag or --flag"))
        return
    if name not in FLAGS:
        _unknown(found, name, bool(equals), words)
        return
    if not equals and FLAGS[name][1] == SWITCH:
        value = "true"
    elif not equals:
        if not words:
            found.problems.append((f"--{name}", "its value is missing", f"write --{name} VALUE"))
            return
        value = words.pop()
    _set(found, name, value)


def _unknown(found: Scan, name: str, has_value: bool, words: list[str]) -> None:
    from image_builder_domain.nearest import nearest

    found.problems.append((f"--{name}", "unknown flag", nearest(name, FLAGS)))
    if not has_value and words and words[-1][:1] != "-":
        words.pop()  # surely meant as its value


def _set(found: Scan, name: str, text: str) -> None:
    kind = FLAGS[name][1]
    problem = "its value is empty" if not text and name not in _CHECKED_LATER else None
    value: object = text
    if kind in (REPEATED, LIST):
        listed = found.values[name]
        assert isinstance(listed, list)  # noqa: S101 (the table says so)
        listed += text.split(",") if kind == LIST else [text]
        value = listed
    elif problem is None and kind != TEXT:
        value, problem = _converted(name, kind, text)
    if problem is None and kind not in (REPEATED, LIST) and name in found.given and found.values[name] != value:
        problem = f"it is given twice, as {found.values[name]!r} and {value!r}"
    found.given.add(name)
    if problem is not None:
        found.problems.append((f"--{name}", problem, f"see image-builder --help for --{name}"))
        return
    found.values[name] = value


def _converted(name: str, kind: str, text: str) -> tuple[object, str | None]:
    if kind == SWITCH:
        return _BOOLEANS.get(text), None if text in _BOOLEANS else f"{text!r} is neither true nor false"
    if kind == NUMBER:
        good = text.isascii() and text.isdecimal() and 0 < len(text) < 7 and int(text) > 0
        return int(text) if good else None, None if good else f"{text!r} is no whole number from 1"
    if kind == DURATION:
        return _seconds(text)
    choices = FLAGS[name][2]
    assert isinstance(choices, tuple)  # noqa: S101 (the table says so)
    return text, None if text in choices else f"{text!r} is not one of {', '.join(choices)}"


def _seconds(text: str) -> tuple[object, str | None]:
    from image_builder_domain.duration import seconds
    from returns.result import Success

    found = seconds(text)
    if isinstance(found, Success) and found.unwrap() > 0:
        return found.unwrap(), None
    return None, f"{text!r} is no positive duration, such as 10s, 5m or 1h30m"
