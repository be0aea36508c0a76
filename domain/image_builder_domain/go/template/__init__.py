"""Templates of tag values: the part of Go's ``text/template`` that tags can use.

A template never renders a text that Go would not render: unsupported syntax is rejected by name. Most templates hold
only text and fields; for them the interpreter is not imported.
"""

from typing import TYPE_CHECKING, Any, Final

from returns.result import Result, Success

from image_builder_domain.go.template.data import TEXT_FIELDS, TemplateData

if TYPE_CHECKING:
    from image_builder_domain.go.template.refusal import TemplateError

__all__ = ["TemplateData", "TemplateError", "is_template", "render", "unset_variables"]

_LONGEST: Final = 128
"""Characters of a rendered template: the longest tag."""


def render(source: str, data: TemplateData) -> Result[str, "TemplateError"]:
    """The rendered text, or an error that shows the position and the available names.

    Limits: 4 KiB of source, 128 characters of text, 10,000 steps, 100 levels of nesting.
    """
    text = _without_interpreter(source, data)
    if text is not None:
        return Success(text)
    from image_builder_domain.go.template.interpreter import interpret

    return interpret(source, data).map(lambda rendered: rendered.text)


def unset_variables(source: str, data: TemplateData) -> tuple[str, ...]:
    """The names that ``.Env`` looks up and that are not set, in order; empty where rendering fails."""
    if "Env" not in source:
        return ()
    from image_builder_domain.go.template.interpreter import interpret

    return interpret(source, data).map(lambda rendered: rendered.unset).value_or(())


def is_template(source: str) -> bool:
    """True when the text contains an action."""
    return "{{" in source


def _without_interpreter(source: str, data: TemplateData) -> str | None:
    """The text of a short template that contains only text and ``{{ .Field }}``; else None.

    Such an action is blanks, a field, blanks. All others, also malformed ones, are left to the interpreter.
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
    """Import the error's class on demand: valid templates do not need it."""
    if name != "TemplateError":
        raise AttributeError(name)
    from image_builder_domain.go.template.refusal import TemplateError

    return TemplateError
