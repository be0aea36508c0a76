"""From what HTTP brought to the failures of the ``Registry`` port."""

from typing import assert_never

from image_builder_domain.registry_failure import BadAnswer, RegistryFailure, RegistryUnreachable

from image_builder_adapters.http import AnswerTooLarge, NoAnswer
from image_builder_adapters.registry.redirect import BadRedirect, GetFailure


def transport_failure(reference: str, failure: GetFailure) -> RegistryFailure:
    """No answer that could be read at all."""
    match failure:
        case NoAnswer():
            return RegistryUnreachable(reference, str(failure))
        case AnswerTooLarge() | BadRedirect():
            return BadAnswer(reference, str(failure))
        case _:
            assert_never(failure)
