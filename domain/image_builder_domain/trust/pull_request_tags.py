"""``pr-tags-in-registry``: which tags are a pull request's own, and so may lie beside production's (trust, T3).

A tag is one when it changes with the number of the pull request, holds that number, and does not look like a tag of
production. Templates can decide by the number, so the tag of this job is looked at, and the same for another number.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime

from returns.result import Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.go.template import TemplateData, render
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problems, every, refuse
from image_builder_domain.tag import TagSpec, tag_value
from image_builder_domain.trust.side import Job

_KEY = "pr-tags-in-registry"
_LIKE_A_VERSION = re.compile(r"[vV0-9]")
# Characters for private use, which no template gives by itself, in place of a commit that is not known yet.
_ANY_COMMIT = "\ue000" * 40
_DIGITS = r"[0-9]+"
_BLANKS = re.compile(r"\s")


def uses_production_for_pull_requests(configuration: Configuration, job: Job) -> bool:
    """Whether presubmit images go to ``registry``, under no other tags than those of their pull requests."""
    is_asked = configuration.pr_tags_in_registry and not configuration.dev_registries
    return is_asked and job.counts_as is JobType.PRESUBMIT


def pull_request_specs(configuration: Configuration) -> tuple[TagSpec, ...]:
    """The templates of a presubmit's tags, without those of ``--tag``."""
    additional = configuration.additional_pr_tag
    return (configuration.pr_tag, *((additional,) if additional is not None else ()))


def check_pull_request_tags(configuration: Configuration, data: TemplateData) -> Result[None, Problems]:
    """Refuse each template whose tag could be anything but this pull request's own; ``data`` is of this job."""
    return every(_own(spec, configuration, data) for spec in pull_request_specs(configuration)).map(lambda _: None)


def _own(spec: TagSpec, configuration: Configuration, data: TemplateData) -> Result[None, Problems]:
    if ".PRNumber" not in spec.template:
        return _refused(spec, "does not hold .PRNumber")
    if ".Env" in spec.template:
        return _refused(spec, "holds .Env, and the author of a pull request chooses some of these variables")
    # The same number of digits: a template that cuts or counts digits must not differ only by their number.
    other = replace(data, pr_number=f"{data.pr_number[:-1]}{(int(data.pr_number[-1:] or 0) + 1) % 10}")
    return every((tag_value(spec, data), tag_value(spec, other))).bind(
        lambda both: _judged(spec, both[0].value, both[1].value, data.pr_number, _shape(configuration.commit_tag, data))
    )


def _judged(spec: TagSpec, tag: str, other: str, number: str, commit_shape: str) -> Result[None, Problems]:
    if tag == other:
        return _refused(spec, f"gives two pull requests the same tag, {tag!r}")
    if not re.search(rf"(?<![0-9]){number}(?![0-9])", tag):
        return _refused(spec, f"gives {tag!r}, which does not hold the number {number}")
    if _LIKE_A_VERSION.match(tag):
        return _refused(spec, f"gives {tag!r}, which begins like a version")
    if re.fullmatch(commit_shape, tag):
        return _refused(spec, f"gives {tag!r}, which could be a tag of production's default-commit-tag")
    return Success(None)


def _refused(spec: TagSpec, reason: str) -> Result[None, Problems]:
    what = f"with {_KEY} the template {spec.template!r} {reason}"
    return refuse(spec.where, what, "write one such as PR-{{ .PRNumber }}, or add a dev-registry")


def has_pull_request_shape(tag: str, configuration: Configuration) -> bool:
    """True for a tag that a pull request may have written beside production's."""
    for number in {"7", *re.findall(_DIGITS, tag)}:
        data = TemplateData(commit_sha="", pr_number=number, time=datetime(2026, 1, 2, tzinfo=UTC), env={})
        shapes = (_shape(spec, data) for spec in pull_request_specs(configuration))
        # A variant's name ends the tag, and the author of a pull request chooses it.
        if any(re.fullmatch(f"(?:{shape})(?:-.*)?", tag) for shape in shapes):
            return True
    return False


def _shape(spec: TagSpec, data: TemplateData) -> str:
    """A pattern for every tag that a template gives; where it gives none, one that nothing matches.

    Dates and numbers have other digits elsewhere, and commits other letters; some methods of ``.Time`` give words.
    """
    text = render(spec.template, replace(data, commit_sha=_ANY_COMMIT)).value_or(None)
    if text is None:
        return r"(?!)"
    changing = r"[0-9A-Za-z]+" if ".Time" in spec.template else _DIGITS
    pieces = re.split(f"(\ue000+|{changing})", _BLANKS.sub("-", text))
    return "".join(
        re.escape(piece) if index % 2 == 0 else "[0-9a-f]+" if piece.startswith("\ue000") else changing
        for index, piece in enumerate(pieces)
    )
