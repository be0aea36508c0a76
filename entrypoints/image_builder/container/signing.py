"""What signs and verifies images that exist, wired from checked settings.

Builds and pipelines are in :mod:`image_builder.container.runs`. The declarative container, which they need, takes a
tenth of the time that it takes to sign one image, so it is left out here.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from image_builder_adapters.plugins import signers
from image_builder_adapters.registry import HttpRegistry
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.plan.signing import SignerChoice, SignPlan
from image_builder_domain.ports import Signer, Verifier
from image_builder_domain.signer_type import Surroundings

from image_builder.container import Settings
from image_builder.workflows.sign import SigningPorts

if TYPE_CHECKING:
    from image_builder.workflows.verify import VerificationPorts


def open_signing_ports(settings: Settings, plan: SignPlan) -> SigningPorts:
    """Everything that signing needs; opens nothing yet."""
    return SigningPorts(HttpRegistry(settings.environment, settings.redactor), chosen_signers(plan.signers, settings))


def open_verification_ports(settings: Settings, definitions: tuple[SignerDefinition, ...]) -> "VerificationPorts":
    """Everything that verifying needs, for signers whose type can be verified; opens nothing yet."""
    from image_builder.workflows.verify import VerificationPorts

    registry = HttpRegistry(settings.environment, settings.redactor)
    return VerificationPorts(registry, registry, verifiers_of(definitions, settings))


def verifiable(definitions: tuple[SignerDefinition, ...]) -> dict[str, SignerDefinition]:
    """The signers whose type can be verified, by name."""
    types = signers()
    return {signer.name: signer for signer in definitions if types[signer.type].make_verifier is not None}


def open_all_signers(settings: Settings, choices: tuple[SignerChoice, ...]) -> dict[str, Signer]:
    """Every signer, chosen or not, for ``doctor``; opens nothing yet."""
    return chosen_signers(tuple(replace(choice, chosen=True) for choice in choices), settings)


def chosen_signers(choices: tuple[SignerChoice, ...], settings: Settings) -> dict[str, Signer]:
    """The signers that were chosen, by name."""
    around, types = Surroundings(settings.environment, settings.redactor), signers()
    return {
        signer.name: types[signer.type].make(signer.name, signer.settings, around)
        for signer in (choice.definition for choice in choices if choice.chosen)
    }


def verifiers_of(definitions: tuple[SignerDefinition, ...], settings: Settings) -> dict[str, Verifier]:
    """The verifiers of those signers whose type can be verified, by name."""
    around, types = Surroundings(settings.environment, settings.redactor), signers()
    makers = ((signer, types[signer.type].make_verifier) for signer in definitions)
    return {signer.name: make(signer.name, signer.settings, around) for signer, make in makers if make is not None}
