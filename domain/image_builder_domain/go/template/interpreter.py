"""The entrance to the interpreter: a whole template, from its source to its text."""

from typing import Final, NamedTuple, final

from returns.result import Failure, Result, Success

from image_builder_domain.go.template.data import TemplateData
from image_builder_domain.go.template.evaluator import Evaluation
from image_builder_domain.go.template.parser import parse
from image_builder_domain.go.template.refusal import Refused, TemplateError
from image_builder_domain.go.template.value import canonical, encoded

LONGEST_SOURCE: Final = 4096
"""Bytes."""


@final
class Rendered(NamedTuple):
    """The text, and the environment variables that the template asked for and that are not set."""

    text: str
    unset: tuple[str, ...]


def interpret(source: str, data: TemplateData) -> Result[Rendered, TemplateError]:
    """Carry out a template; the failure shows the place, and the names that there are."""
    evaluation: Evaluation | None = None
    try:
        source = canonical(source)
        if len(source) > LONGEST_SOURCE or len(encoded(source)) > LONGEST_SOURCE:
            raise Refused(f"the template is longer than {LONGEST_SOURCE} bytes")
        templates = parse(source)
        if isinstance(templates, TemplateError):
            return Failure(templates)
        evaluation = Evaluation(templates, data)
        return Success(Rendered(evaluation.text(), evaluation.unset))
    except Refused as refused:
        return Failure(refused.error(source, evaluation.position if evaluation is not None else 0))
