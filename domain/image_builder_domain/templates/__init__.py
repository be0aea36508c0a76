"""Templates of tag values: the part of Go's ``text/template`` that tags use.

So far ``{{ .Field }}`` and ``{{ .Time.Format "layout" }}``. Anything else is refused by name: a template never gives a
text that Go would not give.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import final

from returns.result import Failure, Result

from image_builder_domain.templates.parser import Field, TemplateError, Text, TimeFormat, parse
from image_builder_domain.templates.time_layout import format_time

__all__ = ["TemplateData", "TemplateError", "render"]

_LONGEST_SOURCE = 4096


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateData:
    """What a template may use. ``time`` is aware; ``nanosecond`` is the whole fraction of its second."""

    commit_sha: str
    pr_number: str
    time: datetime
    env: Mapping[str, str]
    nanosecond: int = 0

    def field(self, name: str) -> str:
        """The text of ``.name``, as Go prints it."""
        match name:
            case "CommitSHA":
                return self.commit_sha
            case "ShortSHA":
                return self.commit_sha[:8]
            case "PRNumber":
                return self.pr_number
            case _:
                return self.format("20060102")

    def format(self, layout: str) -> str:
        """The time in UTC, in a Go layout."""
        return format_time(layout, self.time.astimezone(UTC), self.nanosecond)


def render(source: str, data: TemplateData) -> Result[str, TemplateError]:
    """The text of a template of at most 4 KiB, or an error that shows the place and the fields there are."""
    if len(source.encode(errors="surrogateescape")) > _LONGEST_SOURCE:
        return Failure(TemplateError(source[:60], 0, f"the template is longer than {_LONGEST_SOURCE} bytes"))
    return parse(source).map(lambda nodes: "".join(_text(node, data) for node in nodes))


def is_template(source: str) -> bool:
    """True when Go would see an action in it."""
    return "{{" in source


def _text(node: Text | Field | TimeFormat, data: TemplateData) -> str:
    match node:
        case Text():
            return node.text
        case Field():
            return data.field(node.name)
        case TimeFormat():
            return data.format(node.layout)
