"""Templates of tag values: Go's ``text/template``, so far as tags can use it.

A template never gives a text that Go would not give: what is not supported is refused by name. Most templates hold
nothing but text and fields; for them the interpreter is not even imported.
"""

from typing import TYPE_CHECKING, Any, Final

from returns.result import Result, Success

from image_builder_domain.go.template.data import TEXT_FIELDS, TemplateData

if TYPE_CHECKING:
    from image_builder_domain.go.template.refusal import TemplateError

__all__ = ["TemplateData", "TemplateError", "is_template", "render", "unset_variables"]

_LONGEST: Final = 128
"""Characters that a template may give; a tag has no more."""


def render(source: str, data: TemplateData) -> Result[str, "TemplateError"]:
    """The text of a template, or an error that shows the place and the names there are.

    Limits: 4 KiB of source, 128 characters of text, 10,000 steps, 100 levels of nesting.
    """
    text = _without_interpreter(source, data)
    if text is not None:
        return Success(text)
    from image_builder_domain.go.template.interpreter import interpret

    return interpret(source, data).map(lambda rendered: rendered.text)


def unset_variables(source: str, data: TemplateData) -> tuple[str, ...]:
    """The names that ``.Env`` asks for and that are not set, in the order of asking; none where rendering fails."""
    if "Env" not in source:
        return ()
    from image_builder_domain.go.template.interpreter import interpret

    return interpret(source, data).map(lambda rendered: rendered.unset).value_or(())


def is_template(source: str) -> bool:
    """True when Go would see an action in it."""
    return "{{" in source


def _without_interpreter(source: str, data: TemplateData) -> str | None:
    """The text of a short template of text and ``{{ .Field }}`` alone; None when it is anything more.

    Such an action has one form: blanks, a field, blanks. All others, also broken ones, are left to the interpreter.
    """
    first, *pieces = source.split("{{")
    parts = [first]
    for piece in pieces:
        inside, closed, text = piece.partition("}}")
        field = TEXT_FIELDS.get(inside.strip(" \t\r\n"))
        if field is None or not closed:
            return None
        parts += (field(data), text)
    whole = "".join(parts)
    return whole if len(source) <= _LONGEST >= len(whole) and source.isascii() and whole.isascii() else None


def __getattr__(name: str) -> Any:
    """The failure's class, imported when it is asked for: templates that are good do not need it."""
    if name != "TemplateError":
        raise AttributeError(name)
    from image_builder_domain.go.template.refusal import TemplateError

    return TemplateError
