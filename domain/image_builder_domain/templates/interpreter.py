"""The entrance to the interpreter: a whole template, from its source to its text."""

from typing import NamedTuple, final

from returns.result import Failure, Result, Success

from image_builder_domain.templates.evaluator import Evaluation, Inputs
from image_builder_domain.templates.parser import parse
from image_builder_domain.templates.refusal import Refused, TemplateError
from image_builder_domain.templates.value import canonical

LONGEST_SOURCE = 4096
"""Bytes."""


@final
class Rendered(NamedTuple):
    """The text, and the environment variables that the template asked for and that are not set."""

    text: str
    unset: tuple[str, ...]


def interpret(source: str, inputs: Inputs) -> Result[Rendered, TemplateError]:
    """Carry out a template; the failure shows the place, and the names that there are."""
    try:
        source = canonical(source)
    except Refused as refused:
        return Failure(refused.error(source, 0))
    if len(source) > LONGEST_SOURCE or len(source.encode("utf-8", "surrogateescape")) > LONGEST_SOURCE:
        return Failure(TemplateError(source, 0, f"the template is longer than {LONGEST_SOURCE} bytes"))
    templates = parse(source)
    if isinstance(templates, TemplateError):
        return Failure(templates)
    evaluation = Evaluation(templates, inputs)
    try:
        return Success(Rendered(evaluation.text(), tuple(evaluation.unset)))
    except Refused as refused:
        return Failure(refused.error(source, evaluation.position))
