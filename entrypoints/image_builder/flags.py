"""The Go-style scanner: ``-flag`` and ``--flag`` are the same, switches never take the next argument.

As in Go, an empty text means that a flag is unset, and the last of several values counts. Source: Go's package
``flag``; unlike it, scanning goes on after a mistake, so that all problems are reported together.
Standard library only, and as little of it as can be: ``--help`` must be quick.
"""

from image_builder.flag_table import (
    CHOICE,
    DURATION,
    FLAGS,
    LIST,
    NUMBER,
    OTHER_VERBS,
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
_SHELLS = ("bash", "zsh", "fish")
_TAKES_IMAGES = ("verify", "sign")
# Of the others, an empty switch, number or duration is refused, and the domain refuses an empty tag or build argument.
_CAN_BE_UNSET = (TEXT, LIST, CHOICE)


class Scan:
    """A scanned command line.

    ``values`` has every flag with its value or default, ``given`` the names that have a value, ``problems`` each
    mistake as (where, what, remedy), ``warnings`` what the user should check, ``rest`` the words that are not flags.
    ``meant`` holds flags with dashes that were misspelt: that they are missing is a consequence.
    ``topic`` is the verb whose help is wanted, ``shell`` the one to complete for.
    ``is_unclear`` is true when the first word is not a known verb: nobody can say what else is wrong.
    """

    __slots__ = (
        "given",
        "is_unclear",
        "known",
        "meant",
        "problems",
        "rest",
        "shell",
        "topic",
        "values",
        "verb",
        "verbs",
        "warnings",
    )

    def __init__(self, verb: str, known: list[str], verbs: list[str]) -> None:
        self.verb = verb
        self.known = known
        self.verbs = verbs
        self.values: dict[str, object] = {name: _default(name) for name in FLAGS}
        self.given: set[str] = set()
        self.problems: list[tuple[str, str, str]] = []
        self.warnings: list[str] = []
        self.is_unclear = False
        self.meant: set[str] = set()
        self.topic = self.shell = ""
        self.rest: list[str] = []


def scan(arguments: list[str]) -> Scan:
    """Read the words after ``image-builder``; never raises."""
    return _scan(arguments, Scan("build", list(FLAGS), [verb for verb, _ in (*VERBS, *OTHER_VERBS)]))


def scan_signing(arguments: list[str]) -> Scan:
    """Read the words after ``image-signer``, which has few of the flags and no verb; never raises."""
    return _scan(arguments, Scan("sign", SIGNING_FLAGS, []))


def _scan(arguments: list[str], found: Scan) -> Scan:
    words = list(reversed(arguments))
    has_verb = bool(words) and words[-1] in found.verbs
    if has_verb:
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
    found.topic = found.verb if has_verb else ""
    if found.verb in dict(OTHER_VERBS):
        _inform(found)
    if found.verb not in _TAKES_IMAGES:
        found.is_unclear = bool(found.verbs and found.rest and not has_verb and found.rest[0] == arguments[0])
        shown = found.rest[:1] if found.is_unclear else found.rest  # the other words belong to the unknown command
        found.problems += [_stray(found, word, is_first=arguments[:1] == [word]) for word in shown]
        found.is_unclear = found.is_unclear or any(word in found.verbs for word in found.rest)
    return found


def _inform(found: Scan) -> None:
    """Read a verb that only prints something about the command itself."""
    first = found.rest[0] if found.rest else ""
    if found.verb == "completion":
        found.shell = first if first in _SHELLS else ""
        if not found.shell:
            what = f"there is no completion for {first!r}" if first else "the shell is missing"
            found.problems.append(("completion", what, "write completion bash, completion zsh or completion fish"))
        found.rest = found.rest[1:]
        return
    found.values[found.verb] = True
    if found.verb == "help" and first in found.verbs:
        found.topic, found.rest = first, found.rest[1:]


def _stray(found: Scan, word: str, *, is_first: bool) -> tuple[str, str, str]:
    if word in found.verbs:
        return repr(word), "only the first word can be a verb", "put it first, or remove it"
    from image_builder.foreign_words import answer_to_word

    answer = answer_to_word(word)
    if answer is not None:
        return repr(word), *answer
    remedy = "remove it, or quote the value before it"
    if word in _BOOLEANS:
        remedy = "a switch takes its value with '=': write --FLAG=" + word
        return repr(word), "unexpected argument", remedy
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
        if not equals and words and words[-1][:1] != "-":
            words.pop()  # probably its value
        found.meant.add(f"--{name.lstrip('-')}")
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
    from image_builder.foreign_words import answer_to_flag, is_switch, stands_for

    answer, near = answer_to_flag(name), _nearest(name, found.known)
    remedy = f"did you mean --{near}?" if near else "see --help"
    dashes = "-" if len(name) == 1 else "--"
    what, remedy = answer or ("unknown flag", remedy)
    found.problems.append((f"{dashes}{name}", what, remedy))
    if not has_value and not is_switch(name) and words and words[-1][:1] != "-":
        words.pop()  # probably its value
    meant = stands_for(name) if answer is not None else near
    if meant is not None:
        found.meant.add(f"--{meant}")


def _set(found: Scan, name: str, text: str) -> None:
    kind = FLAGS[name][1]
    if not text and kind in _CAN_BE_UNSET:
        _unset(found, name)
        return
    value: object = text
    problem = None
    if kind in (REPEATED, LIST):
        listed = found.values[name]
        assert isinstance(listed, list)  # noqa: S101 (the table says so)
        value = listed + (text.split(",") if kind == LIST else [text])
    elif kind != TEXT:
        value, problem = _converted(name, kind, text) if text else (None, "its value is empty")
    if problem is not None:
        found.given.add(name)
        found.problems.append((f"--{name}", problem, _how(name, kind)))
        return
    if kind not in (REPEATED, LIST):
        _warn(found, name, value)
    found.given.add(name)
    found.values[name] = value


def _unset(found: Scan, name: str) -> None:
    """Without effect in a list; a single value becomes the default again."""
    if FLAGS[name][1] == LIST:
        return
    if name in found.given:
        _warn(found, name, "")
        found.given.remove(name)
    found.values[name] = _default(name)


def _warn(found: Scan, name: str, value: object) -> None:
    before = found.values[name]
    was_refused = any(where == f"--{name}" for where, _, _ in found.problems)
    if name in found.given and before != value and not was_refused:
        found.warnings.append(
            f"--{name}: it is given twice, and the last value, {_shown(value)}, replaces {_shown(before)}"
        )


def _how(name: str, kind: str) -> str:
    if kind == SWITCH:
        return f"write --{name} or --{name}=false"
    return f"see --help for --{name}"


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
