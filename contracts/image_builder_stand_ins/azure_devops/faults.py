"""Every fault that is known of the real service, by name.

``service.fail("throttled")`` lets one happen as often as is usual for it; ``--fault throttled`` does so in the command.
What no recording shows follows Microsoft's documentation or public reports.
"""

from collections.abc import Mapping

from image_builder_stand_ins.azure_devops import faults_instead, faults_of_answers
from image_builder_stand_ins.azure_devops.fault import Injection
from image_builder_stand_ins.azure_devops.named_fault import Named, front_door, rate_limit, throttled
from image_builder_stand_ins.azure_devops.representation import Place

__all__ = ["FAULTS", "injections", "front_door", "rate_limit", "throttled"]

FAULTS: Mapping[str, Named] = {
    **faults_instead.SIGN_IN,
    **faults_instead.TOKENS,
    **faults_instead.THROTTLING,
    **faults_instead.OUTAGES,
    **faults_of_answers.ANSWERS,
    **faults_of_answers.WORDS,
    **faults_of_answers.TIMELINES,
    **faults_of_answers.LOGS,
}
"""Every fault by its name."""


def injections(name: str, place: Place) -> tuple[Injection, ...]:
    """What to inject for a name. Raises ``KeyError`` for one that is not in :data:`FAULTS`."""
    return FAULTS[name].make(place)
