"""Tags: templates from ``--tag`` and the configuration, and their values (specification, section 4)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar, final

from returns.result import Result, Success

from image_builder_domain.go.template import TemplateData, is_template, render, unset_variables
from image_builder_domain.image.reference import TAG_RULE, is_tag
from image_builder_domain.problem import Problems, every, located, refuse

# An action goes to its "}}", which may also stand in its texts and comments; one that is never closed goes to the end.
_ACTION = r"""\{\{(?:-\s)?(?:/\*.*?\*/)?(?:"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*'|[^"`'}]|\}(?!\}))*(?:\}\}|.*)"""
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]")
_BLANKS = re.compile(r"\s")


@final
@dataclass(frozen=True, slots=True)
class TagSpec:
    """A requested tag: its name, its template, the flag or key it is from, and the pattern that its value must match.

    The pattern matches anywhere in the value, as in Go. A ``validation`` that is not a
    :class:`~image_builder_domain.go.regexp.Pattern` matches nothing.
    """

    name: str
    template: str
    where: str
    validation: str | None = None

    @classmethod
    def parse(cls, text: str, where: str = "--tag") -> Result[Self, Problems]:
        """Read ``value`` or ``name=value``; the first ``=`` outside ``{{ }}`` splits. A template's text names it."""
        equals = outside_actions(text).find("=")
        if equals < 0:
            name = _NOT_IN_NAME.sub("", text) if is_template(text) else text
            return cls._checked(name, text, where)
        return cls._checked(text[:equals], text[equals + 1 :], where)

    @classmethod
    def _checked(cls, name: str, template: str, where: str) -> Result[Self, Problems]:
        if not template:
            return refuse(where, "the tag is empty", "give a value, such as --tag latest")
        if not _NOT_IN_NAME.sub("", name):
            return refuse(where, f"{template!r} gives the tag no name", "write name=value")
        return Success(cls(name, template, where))


@final
@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with its final value, which the OCI grammar allows."""

    name: str
    value: str


def outside_actions(text: str) -> str:
    """The text with every character inside ``{{ }}`` replaced by ``_``, so that separators outside can be found."""
    # Compiled when first used: most tags are not templates.
    return re.sub(_ACTION, lambda action: "_" * len(action[0]), text, flags=re.DOTALL) if "{{" in text else text


def tag_value(spec: TagSpec, data: TemplateData) -> Result[Tag, Problems]:
    """Render, turn blanks into ``-``, and check the value against the pattern and the grammar."""
    rendered = located(render(spec.template, data), spec.where)
    return rendered.bind(lambda text: _checked_value(spec, _BLANKS.sub("-", text), data))


def _checked_value(spec: TagSpec, value: str, data: TemplateData) -> Result[Tag, Problems]:
    if not value:
        what, remedy = f"the template {spec.template!r} gives an empty tag", "use a field that has a value"
    elif not is_tag(value):
        what, remedy = f"{value!r} is not a tag: {TAG_RULE}", _better_value(value)
    elif spec.validation is not None and not _matches(spec.validation, value):
        what, remedy = f"the tag {value!r} does not match the pattern {spec.validation!r}", "change the value"
    else:
        return Success(Tag(spec.name, value))
    unset = ", ".join(unset_variables(spec.template, data))
    return refuse(spec.where, what, f"set {unset} in the environment, or {remedy}" if unset else remedy)


def _better_value(value: str) -> str:
    """What to write instead of a value that is not a tag: people give lists, references, branches and variables."""
    last = value.rpartition("/")[2].rpartition(":")[2]
    if re.search(r"\$\(\w+\)|\$\{?\w", value):
        return 'nobody expanded the variable: set it in the job, or use {{ .Env "NAME" }}'
    if "," in value:
        return "write --tag once for each tag"
    if ":" in value and is_tag(last):
        return f"write the tag alone: {last}"
    fit = re.sub(r"[^A-Za-z0-9_.-]", "-", value).lstrip(".-")
    return f"change the value, for example to {fit!r}" if is_tag(fit) else "change the value"


def _matches(pattern: str, value: str) -> bool:
    from image_builder_domain.go.regexp import Pattern  # most tags have none

    return Pattern.parse(pattern).map(lambda found: found.is_in(value)).value_or(False)


def compute_tags(specs: Iterable[TagSpec], data: TemplateData) -> Result[tuple[Tag, ...], Problems]:
    """All tags in order, without repeats; one name with two values is a problem."""
    tags = every(tag_value(spec, data) for spec in specs)
    return tags.bind(lambda found: each_name_once(found, lambda tag: tag.value))


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def each_name_once(tags: tuple[_N, ...], value: Callable[[_N], str]) -> Result[tuple[_N, ...], Problems]:
    """The first tag of each name, or a problem if one name has two values."""
    first: dict[str, _N] = {}
    for tag in tags:
        known = value(first.setdefault(tag.name, tag))
        if known != value(tag):
            clash = f"the name {tag.name!r} has two values, {known!r} and {value(tag)!r}"
            return refuse("--tag", clash, "give each tag a name of its own: name=value")
    return Success(tuple(first.values()))


# --- lists of tags ---------------------------------------------------------------------------------------------------

LIST_FLAG = "--tag-base64"


def split_tags(text: str) -> tuple[str, ...]:
    """The elements of a comma-separated list, unchanged; a comma inside ``{{ }}`` does not split."""
    commas = [place for place, character in enumerate(outside_actions(text)) if character == ","]
    starts, ends = [0, *(place + 1 for place in commas)], [*commas, len(text)]
    return tuple(text[start:end] for start, end in zip(starts, ends, strict=True))


def decode_tags(encoded: str) -> Result[tuple[str, ...], Problems]:
    """The tags in the value of ``--tag-base64``: base64 (line ends in it do not count) of a list in UTF-8.

    One line end after the list goes: ``echo`` writes it, and as a part of the last tag it would become a ``-``.
    """
    import base64  # seldom given

    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode()
    except ValueError:
        return refuse(
            LIST_FLAG, "the value is not base64 of UTF-8 text", "encode it with base64, alphabet and padding included"
        )
    return Success(split_tags(text.removesuffix("\n").removesuffix("\r")))
