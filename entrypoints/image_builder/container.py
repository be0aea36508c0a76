"""The composition root: the one place that knows every adapter and wires it to its port.

Settings are checked before they come here; nothing else knows the container.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from dependency_injector import containers, providers
from image_builder_adapters.filesystem import FileArtifacts
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_adapters.signer_types import signer_type
from image_builder_domain.plan import Plan
from image_builder_domain.ports import Artifacts, ImageEngine, Registry, Signer
from image_builder_domain.sign_plan import SignPlan
from image_builder_domain.signer_selection import SignerChoice
from image_builder_domain.signer_settings import SignerDefinition
from image_builder_domain.signer_type import Surroundings

from image_builder.workflows.build import Ports
from image_builder.workflows.sign import SigningPorts
from image_builder.workflows.verify import VerificationPorts


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """What the adapters need to know. ``environment`` is the tool's own."""

    environment: Mapping[str, str] = field(repr=False)
    log_directory: str
    state_directory: str
    redactor: Redactor


class Container(containers.DeclarativeContainer):
    """Checked settings in, ready ports out."""

    settings = providers.Dependency(instance_of=Settings)
    choices = providers.Dependency(instance_of=tuple)
    backend = providers.Dependency(instance_of=str, default="")
    log_format: providers.Object[str | None] = providers.Object(None)
    single_build = providers.Dependency(instance_of=bool, default=True)

    registry = providers.Singleton(HttpRegistry, settings.provided.environment, settings.provided.redactor)
    _engine_settings = providers.Dict(
        environment=settings.provided.environment, single_build=single_build, user=providers.Callable(os.geteuid)
    )
    engine = providers.Selector(
        backend,
        buildkit=providers.Singleton(
            lambda common, **own: _buildkit(**common, **own),
            _engine_settings,
            state_directory=settings.provided.state_directory,
            daemon_log=providers.Callable(os.path.join, settings.provided.log_directory, "buildkitd.log"),
            redact=settings.provided.redactor.data,
        ),
        kaniko=providers.Singleton(
            lambda common, registry, **own: _kaniko(registry, **common, **own),
            _engine_settings,
            registry,
            log_format=log_format,
        ),
    )
    artifacts = providers.Singleton(FileArtifacts, settings.provided.log_directory, settings.provided.redactor.data)
    signers = providers.Singleton(lambda choices, settings: _signers(choices, settings), choices, settings)
    ports = providers.Factory(Ports, engine=engine, registry=registry, signers=signers, artifacts=artifacts)
    signing_ports = providers.Factory(SigningPorts, registry=registry, signers=signers)


def _buildkit(**settings: Any) -> ImageEngine:
    # Signing alone must start without anything that builds.
    from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings

    return BuildkitEngine(BuildkitSettings(**settings))


def _kaniko(registry: Registry, **settings: Any) -> ImageEngine:
    from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings

    return KanikoEngine(KanikoSettings(**settings), registry)


def _signers(choices: tuple[SignerChoice, ...], settings: Settings) -> dict[str, Signer]:
    around = Surroundings(settings.environment, settings.redactor)
    return {
        signer.name: signer_type(signer.type).make(signer.name, signer.settings, around)
        for signer in (choice.definition for choice in choices if choice.chosen)
    }


def open_ports(settings: Settings, plan: Plan) -> Ports:
    """Everything that a build or its plan needs; opens nothing yet."""
    container = Container(
        settings=settings,
        choices=plan.signers,
        backend=plan.backend.value,
        log_format=plan.log_format,
        single_build=len(plan.builds) == 1,
    )
    ports: Ports = container.ports()
    return ports


def open_verification_ports(settings: Settings, signers: tuple[SignerDefinition, ...]) -> VerificationPorts:
    """Everything that verifying needs, for signers whose type can be verified; opens nothing yet."""
    around = Surroundings(settings.environment, settings.redactor)
    makers = ((signer, signer_type(signer.type).make_verifier) for signer in signers)
    verifiers = {signer.name: make(signer.name, signer.settings, around) for signer, make in makers if make is not None}
    registry = Container(settings=settings, choices=()).registry()
    return VerificationPorts(registry, registry, verifiers)


def open_signing_ports(settings: Settings, plan: SignPlan) -> tuple[SigningPorts, Artifacts]:
    """Everything that signing needs; opens nothing yet."""
    container = Container(settings=settings, choices=plan.signers)
    return container.signing_ports(), container.artifacts()
