"""The signers of the configuration: who signs in this job, and whether each could; and the program ``cosign``."""

from collections.abc import Iterator
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.plan.signing import choose_signers
from image_builder_domain.ports import Cancellation
from image_builder_domain.trust.side import Job
from returns.result import Failure

from image_builder.container import Settings
from image_builder.container.examination import Program, open_all_signers, program_finding

_AREA: Final = "signer"
_COSIGN: Final = Program("cosign", ("version",), "signers of type cosign need it: put cosign 3 on PATH")


def look_at_signers(
    configuration: Configuration | None,
    job: Job | None,
    is_local: bool,
    settings: Settings,
    cancellation: Cancellation,
) -> Iterator[Finding]:
    """Each signer is prepared as before a build: secrets are read and checked, nothing is sent."""
    yield program_finding(_COSIGN, _AREA, settings.environment, cancellation, is_needed=False)
    if configuration is None or job is None:
        return
    choices = choose_signers(configuration, job)
    signers = open_all_signers(settings, choices)
    for choice in choices:
        prepared = signers[choice.definition.name].prepare()
        fate = f"signs here: {choice.why}" if choice.chosen else f"does not sign here: {choice.why}"
        is_needed = choice.chosen and is_local
        if isinstance(prepared, Failure):
            found = prepared.failure()
            remedy = f"see sign-config at {choice.definition.where}"
            yield Finding(_AREA, choice.definition.name, f"{found.where}: {found.reason}", False, is_needed, remedy)
        else:
            yield Finding(_AREA, choice.definition.name, f"ready; {fate}", is_needed=is_needed)
