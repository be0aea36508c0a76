"""The build report: one JSON format for the file, ``--output json`` and remote pipelines (specification, section 9).

Every run makes one :class:`Report`. The fields of these classes have the names and the order of the JSON members. In
front of them stand the members of ``PUBLIC``, in the types that programs in other languages read: text is never null.
Secrets and build arguments are not in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Final, TypeAlias, final, get_args, get_origin, get_type_hints

from returns.result import Failure, Result, Success

from image_builder_domain.json_object import json_value
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.remote_pipeline import FailedRecord
from image_builder_domain.report.reported_steps import ReportedPlace, ReportedStep, ReportedWarning
from image_builder_domain.trust.side import TrustFacts

Number: TypeAlias = int | float


@final
@dataclass(frozen=True, slots=True)
class ReportedCheckout:
    """Whether the checkout was compared with the claimed commit, and how."""

    compared: bool
    proof: str


@final
@dataclass(frozen=True, slots=True)
class ReportedTag:
    """A tag with the name of its template."""

    name: str
    value: str


@final
@dataclass(frozen=True, slots=True)
class ReportedDestination:
    """One tag in one repository. ``fate`` says what became of it, and ``reason`` why it does not hold the digest.

    ``before`` is the digest that the tag named before. Both are None in reports of runs that wrote no tags.
    """

    reference: str = ""
    holds_digest: bool = False
    reason: str = ""
    fate: str | None = None
    before: str | None = None

    @property
    def has_failed(self) -> bool:
        """True when it should hold the digest, and does not; not for a tag that was kept, overtaken or withheld."""
        return not self.holds_digest and self.fate in (None, "failed", "unconfirmed")

    def __str__(self) -> str:
        """The reference, after its fate unless it holds the digest."""
        return self.reference if self.holds_digest else f"{self.fate or 'unconfirmed'}: {self.reference}"


@final
@dataclass(frozen=True, slots=True)
class ReportedRepository:
    """One repository that the image was pushed to; ``reason`` says why it is not known to hold the digest."""

    repository: str = ""
    holds_digest: bool = False
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class ReportedSignature:
    """One signature. ``note`` is None in the report of a pipeline, which leaves it out."""

    signer: str = ""
    reference: str = ""
    digest: str = ""
    status: str = ""
    attempts: Number | None = None
    duration_seconds: Number | None = None
    reason: str = ""
    note: str | None = None


@final
@dataclass(frozen=True, slots=True)
class ReportedFailure:
    """Why an image was not built or pushed, with the last lines of the failing step, and its place if it is known."""

    reason: str = ""
    engine_exit_code: Number | None = None
    last_lines: tuple[str, ...] = ()
    place: ReportedPlace | None = None


@final
@dataclass(frozen=True, slots=True)
class ReportedImage:
    """One image. ``size`` is in bytes; digest, size and media type are None when nothing was built.

    After a failed push the digest alone is known, if a repository holds it.

    ``steps`` is empty for an engine that reports none. ``output_clipped``: the log lacks a part of a step's output.
    """

    variant: str | None = None
    reference: str | None = None
    digest: str | None = None
    size: Number | None = None
    media_type: str | None = None
    platforms: tuple[str, ...] = ()
    repositories: tuple[ReportedRepository, ...] = ()
    destinations: tuple[ReportedDestination, ...] = ()
    signatures: tuple[ReportedSignature, ...] = ()
    failure: ReportedFailure | None = None
    steps: tuple[ReportedStep, ...] = ()
    warnings: tuple[ReportedWarning, ...] = ()
    output_clipped: bool = False
    log: str | None = None
    duration_seconds: Number | None = None

    @classmethod
    def of_pipeline(cls, raw: dict[str, Any]) -> "ReportedImage":
        """An image that a pipeline reported: a member that is missing or of the wrong type gets its default."""
        image: ReportedImage = _decoded(cls, raw, "", is_lenient=True)
        return image


@final
@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A pipeline run. ``said`` is the service's text for its result, ``canceled`` the answer to a request to stop."""

    id: int
    url: str
    said: str
    failed: tuple[FailedRecord, ...]
    notes: tuple[str, ...]
    canceled: str


@final
@dataclass(frozen=True, slots=True)
class ReportedPipeline:
    """What only the report of a remote build has; in JSON these are members of the report itself."""

    run: ReportedRun | None
    result: str
    pipeline_status: str | None
    log: str | None
    duration_seconds: Number


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run did; docs/report.md describes each member.

    ``outcome`` is ``success`` or ``failure``; a run that did nothing (yet) may be ``running`` or ``refused``, too.
    ``exit_code`` is None while the run goes on. ``problems`` is None unless the run did nothing. A text is empty where
    its value is not known, or where there are several.
    """

    outcome: str
    exit_code: int | None = None
    pushed: bool = False
    signed: bool = False
    not_signed: str = ""
    trust: TrustFacts | None = None
    checkout: ReportedCheckout | None = None
    image_name: str = ""
    images_list: tuple[str, ...] = ()
    tag_names: tuple[ReportedTag, ...] = ()
    repository_path: str = ""
    repositories: tuple[str, ...] = ()
    digest: str = ""
    architectures: tuple[str, ...] = ()
    interrupted: str | None = None
    not_written: tuple[str, ...] = ()
    images: tuple[ReportedImage, ...] = ()
    problems: tuple[str, ...] | None = None
    pipeline: ReportedPipeline | None = None

    @property
    def status(self) -> str:
        """The outcome as the public member: ``Succeeded`` or ``Failed``; also a run that goes on has not succeeded."""
        return "Succeeded" if self.outcome == SUCCESS else "Failed"

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags without the names of their templates, each once."""
        return tuple(dict.fromkeys(tag.value for tag in self.tag_names))

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        document: dict[str, Any] = _encoded(self)
        pipeline = document.pop("pipeline")
        if self.problems is None:
            del document["problems"]
        public = {name: _encoded(getattr(self, name)) for name in PUBLIC}
        return public | document | (pipeline or {})

    @classmethod
    def from_json(cls, content: bytes, where: str) -> Result["Report", Problems]:
        """Read a report again; ``where`` names the file in problems. Unknown members are ignored."""
        document = json_value(content)
        if isinstance(document, Failure):
            return Failure((Problem(where, f"this {document.failure()}", _REMEDY),))
        try:
            return Success(_report(document.unwrap()))
        except _MismatchError as error:
            return Failure((Problem(where, f"this is not a build report: {error.args[0]}", _REMEDY),))


SUCCESS: Final = "success"
PUBLIC: Final = (
    *("status", "pushed", "signed", "image_name", "images_list", "tags", "repository_path", "digest"),
    "architectures",
)
"""The members that other programs read, in their order."""

_REMEDY: Final = "give the file that --build-report-path wrote"
_NOT_OF_A_PIPELINE: Final = frozenset(("note", "problems", "pipeline", "trust", "checkout"))
"""Members that are not taken from a pipeline's report."""
_OPTIONAL: Final = _NOT_OF_A_PIPELINE | {
    "repositories",
    "fate",
    "before",
    "steps",
    "warnings",
    "output_clipped",
    "place",
}
"""Members that a report may leave out: earlier versions of this tool did not write all of them."""
_SIGNATURE_OF_PIPELINE: Final = ("signer", "reference", "digest", "status", "reason", "attempts", "duration_seconds")
_KINDS: Final = {str: "text", bool: "true or false", int: "a number", tuple: "a list"}


class _MismatchError(Exception):
    """A value of the wrong type, with its place; stays in this module."""


def _encoded(value: Any) -> Any:
    if isinstance(value, ReportedSignature) and value.note is None:
        return {name: getattr(value, name) for name in _SIGNATURE_OF_PIPELINE}
    if is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name)) for field in fields(value)}
    return [_encoded(each) for each in value] if isinstance(value, tuple) else value


def _report(document: Any) -> Report:
    if isinstance(document, dict):
        document.pop("pipeline", None)
    report: Report = _decoded(Report, document, "")
    return replace(report, pipeline=_decoded(ReportedPipeline, document, "")) if "result" in document else report


def _decoded(kind: Any, value: Any, place: str, *, is_lenient: bool = False) -> Any:
    """``value`` as ``kind``: a type, a tuple of one type, a dataclass, or a union of one of these with None.

    Where ``is_lenient``, elements and members that do not fit are left out.
    """
    kinds: tuple[Any, ...] = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if type(value) in kinds:
        return value
    if get_origin(kinds[0]) is tuple and isinstance(value, list):
        return tuple(_elements(get_args(kinds[0])[0], value, place, is_lenient))
    make: Callable[..., Any] = kinds[0]
    if is_dataclass(kinds[0]) and isinstance(value, dict):
        return make(**dict(_members(kinds[0], value, place, is_lenient)))
    expected = _KINDS.get(get_origin(kinds[0]) or kinds[0], "an object")
    raise _MismatchError(f"{place or 'it'} is not {expected}")


def _elements(kind: Any, values: list[Any], place: str, is_lenient: bool) -> Iterator[Any]:
    for number, value in enumerate(values):
        try:
            yield _decoded(kind, value, f"{place}[{number}]", is_lenient=is_lenient)
        except _MismatchError:
            if not is_lenient:
                raise


def _members(kind: Any, values: dict[str, Any], place: str, is_lenient: bool) -> Iterator[tuple[str, Any]]:
    for name, own in _hints(kind).items():
        path = f"{place}.{name}".removeprefix(".")
        if name not in values or (is_lenient and name in _NOT_OF_A_PIPELINE):
            if is_lenient or name in _OPTIONAL:
                continue
            raise _MismatchError(f"{path} is missing")
        try:
            yield name, _decoded(own, values[name], path, is_lenient=is_lenient)
        except _MismatchError:
            if not is_lenient:
                raise


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
