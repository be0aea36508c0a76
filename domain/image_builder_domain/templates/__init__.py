"""Templates of tag values: Go's ``text/template``, so far as tags can use it.

A template never gives a text that Go would not give: what is not supported is refused by name. Most templates hold
nothing but text and fields; for them the interpreter is not even imported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, final

from returns.result import Result, Success

if TYPE_CHECKING:
    from image_builder_domain.templates.interpreter import Rendered
    from image_builder_domain.templates.refusal import TemplateError

__all__ = ["TemplateData", "TemplateError", "is_template", "render", "unset_variables"]

_LONGEST_PLAIN: Final = 128
"""Characters; also the most that a template may give."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateData:
    """What a template may use. ``time`` is aware; ``nanosecond`` is the whole fraction of its second."""

    commit_sha: str
    pr_number: str
    time: datetime
    env: Mapping[str, str]
    nanosecond: int = 0


def render(source: str, data: TemplateData) -> Result[str, "TemplateError"]:
    """The text of a template, or an error that shows the place and the names there are.

    Limits: 4 KiB of source, 128 characters of text, 10,000 steps, 100 levels of nesting.
    """
    text = _plain(source, data)
    if text is not None:
        return Success(text)
    return _interpreted(source, data).map(lambda rendered: rendered.text)


def unset_variables(source: str, data: TemplateData) -> tuple[str, ...]:
    """The names that ``.Env`` asks for and that are not set, in the order of asking; none where rendering fails."""
    if "Env" not in source:
        return ()
    return _interpreted(source, data).map(lambda rendered: rendered.unset).value_or(())


def is_template(source: str) -> bool:
    """True when Go would see an action in it."""
    return "{{" in source


_FIELDS: "Final[Mapping[str, Callable[[TemplateData], str]]]" = {
    ".CommitSHA": lambda data: data.commit_sha,
    ".Date": lambda data: _date(data),
    ".PRNumber": lambda data: data.pr_number,
    ".ShortSHA": lambda data: data.commit_sha[:8],
}


def _plain(source: str, data: TemplateData) -> str | None:
    """The text of a template of text and ``{{ .Field }}`` alone; None when it is anything more, or too long.

    Such an action has one form: blanks, a field, blanks. All others, also broken ones, are left to the interpreter.
    """
    first, *pieces = source.split("{{")
    parts = [first]
    for piece in pieces:
        inside, closed, text = piece.partition("}}")
        field = _FIELDS.get(inside.strip(" \t\r\n"))
        if field is None or not closed:
            return None
        parts += (field(data), text)
    whole = "".join(parts)
    return whole if len(source) <= _LONGEST_PLAIN >= len(whole) and whole.isascii() else None


def _date(data: TemplateData) -> str:
    time = data.time.astimezone(UTC)
    return f"{time.year:04d}{time.month:02d}{time.day:02d}"


def _interpreted(source: str, data: TemplateData) -> Result["Rendered", "TemplateError"]:
    from image_builder_domain.templates.calendar import from_datetime
    from image_builder_domain.templates.evaluator import Inputs
    from image_builder_domain.templates.interpreter import interpret

    time = from_datetime(data.time.astimezone(UTC), data.nanosecond)
    fields = {name[1:]: field(data) for name, field in _FIELDS.items()}
    return interpret(source, Inputs({**fields, "Time": time}, data.env))


def __getattr__(name: str) -> Any:
    """The failure's class, imported when it is asked for: templates that are good do not need it."""
    if name != "TemplateError":
        raise AttributeError(name)
    from image_builder_domain.templates.refusal import TemplateError

    return TemplateError
