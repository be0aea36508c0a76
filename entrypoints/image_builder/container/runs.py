"""What is carried out: engines, registries, signers, pipelines and files, wired from checked settings."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dependency_injector import containers, providers
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.plugins import engines, signers
from image_builder_adapters.registry import HttpRegistry
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.engine_type import EngineSurroundings
from image_builder_domain.image.reference import Repository
from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.signing import SignerChoice, SignPlan
from image_builder_domain.ports import Cancellation, Signer, Verifier
from image_builder_domain.remote_pipeline import RemotePipeline
from image_builder_domain.signer_type import Surroundings

from image_builder import __version__
from image_builder.container import Settings
from image_builder.workflows.build import Ports
from image_builder.workflows.remote_build import RemotePorts
from image_builder.workflows.sign import SigningPorts
from image_builder.workflows.verify import VerificationPorts


class SigningContainer(containers.DeclarativeContainer):
    """Checked settings in, ready ports out: what signing needs, and nothing that builds."""

    settings = providers.Dependency(instance_of=Settings)
    choices = providers.Dependency(instance_of=tuple)

    registry = providers.Singleton(HttpRegistry, settings.provided.environment, settings.provided.redactor)
    signers = providers.Singleton(lambda choices, settings: _signers(choices, settings), choices, settings)
    verifiers = providers.Singleton(lambda choices, settings: _verifiers(choices, settings), choices, settings)
    signing_ports = providers.Factory(SigningPorts, registry=registry, signers=signers)


class Container(SigningContainer):
    """The same with an engine or a pipeline, for builds."""

    backend = providers.Dependency(instance_of=str, default="")
    own: providers.Object[Any] = providers.Object(None)
    log_format: providers.Object[str | None] = providers.Object(None)
    single_build = providers.Dependency(instance_of=bool, default=True)

    around = providers.Factory(
        EngineSurroundings,
        environment=SigningContainer.settings.provided.environment,
        secrets=SigningContainer.settings.provided.redactor,
        layouts=SigningContainer.registry,
        state_directory=SigningContainer.settings.provided.state_directory,
        log_directory=SigningContainer.settings.provided.log_directory,
        log_format=log_format,
        single_build=single_build,
        user=providers.Callable(os.geteuid),
    )
    artifacts = providers.Singleton(
        FileArtifacts,
        SigningContainer.settings.provided.log_directory,
        SigningContainer.settings.provided.redactor,
        SigningContainer.settings.provided.context,
    )
    engine = providers.Singleton(lambda name, own, around: engines()[name].make(own, around), backend, own, around)
    ado = providers.Dependency(instance_of=AdoSettings)
    notify = providers.Dependency(instance_of=object)
    pipeline = providers.Singleton(
        lambda settings, ado, notify: _pipeline(settings, ado, notify), SigningContainer.settings, ado, notify
    )
    remote_ports = providers.Factory(RemotePorts, pipeline=pipeline, artifacts=artifacts)
    ports = providers.Factory(
        Ports,
        engine=engine,
        registry=SigningContainer.registry,
        publishing=SigningContainer.registry,
        signers=SigningContainer.signers,
        artifacts=artifacts,
        verifiers=SigningContainer.verifiers,
    )


def _signers(choices: tuple[SignerChoice, ...], settings: Settings) -> dict[str, Signer]:
    around, types = Surroundings(settings.environment, settings.redactor), signers()
    return {
        signer.name: types[signer.type].make(signer.name, signer.settings, around)
        for signer in (choice.definition for choice in choices if choice.chosen)
    }


def _verifiers(choices: tuple[SignerChoice, ...], settings: Settings) -> dict[str, Verifier]:
    """Those of the chosen signers whose type can be verified."""
    return _made_verifiers(tuple(choice.definition for choice in choices if choice.chosen), settings)


def _made_verifiers(definitions: tuple[SignerDefinition, ...], settings: Settings) -> dict[str, Verifier]:
    around, types = Surroundings(settings.environment, settings.redactor), signers()
    makers = ((signer, types[signer.type].make_verifier) for signer in definitions)
    return {signer.name: make(signer.name, signer.settings, around) for signer, make in makers if make is not None}


def lasting_settings(settings: Settings, backend: str | None) -> Settings:
    """The settings of a build with this engine: programs that kaniko would overwrite are not counted on."""
    if backend != "kaniko":
        return settings
    from image_builder_adapters.kaniko.container import lasting_environment

    return replace(settings, environment=lasting_environment(settings.environment))


def open_ports(settings: Settings, plan: Plan) -> Ports:
    """Everything that a build or its plan needs; opens nothing yet."""
    container = Container(
        settings=lasting_settings(settings, plan.backend),
        choices=plan.signers,
        backend=plan.backend,
        own=providers.Object(plan.engine.settings),
        log_format=plan.log_format,
        single_build=len(plan.builds) == 1,
    )
    ports: Ports = container.ports()
    return ports


def learn_credentials(ports: Ports, repositories: tuple[Repository, ...], cancellation: Cancellation) -> None:
    """Hide the credentials that an engine gets for these repositories."""
    if isinstance(ports.registry, HttpRegistry):
        ports.registry.learn(repositories, cancellation)


def verifiable(definitions: tuple[SignerDefinition, ...]) -> dict[str, SignerDefinition]:
    """The signers whose type can be verified, by name."""
    types = signers()
    return {signer.name: signer for signer in definitions if types[signer.type].make_verifier is not None}


def open_verification_ports(settings: Settings, definitions: tuple[SignerDefinition, ...]) -> VerificationPorts:
    """Everything that verifying needs, for signers whose type can be verified; opens nothing yet."""
    verifiers = _made_verifiers(definitions, settings)
    registry = SigningContainer(settings=settings, choices=()).registry()
    return VerificationPorts(registry, registry, verifiers)


def open_signing_ports(settings: Settings, plan: SignPlan) -> SigningPorts:
    """Everything that signing needs; opens nothing yet."""
    ports: SigningPorts = SigningContainer(settings=settings, choices=plan.signers).signing_ports()
    return ports


def open_remote_ports(settings: Settings, ado: AdoSettings, notify: Callable[[str], None]) -> RemotePorts:
    """Everything that a remote build needs; opens nothing yet. ``notify`` prints a warning while it runs."""
    container = Container(settings=settings, choices=(), ado=ado, notify=providers.Object(notify))
    ports: RemotePorts = container.remote_ports()
    return ports


def _pipeline(settings: Settings, ado: AdoSettings, notify: Callable[[str], None]) -> RemotePipeline:
    from image_builder_adapters.azure_devops.pipeline import AzureDevOpsPipeline, PipelineSurroundings

    redactor = settings.redactor
    around = PipelineSurroundings(settings.environment, redactor.text, redactor.learn, notify)
    return AzureDevOpsPipeline(ado, around, user_agent=f"image-builder/{__version__}")


def open_engine_surroundings(settings: Settings, log_format: str | None) -> EngineSurroundings:
    """What engines may know, for ``doctor``, which asks all of them; opens nothing yet."""
    around: EngineSurroundings = Container(settings=settings, choices=(), log_format=log_format).around()
    return around


def open_all_signers(settings: Settings, choices: tuple[SignerChoice, ...]) -> dict[str, Signer]:
    """Every signer, chosen or not, for ``doctor``; opens nothing yet."""
    return _signers(tuple(replace(choice, chosen=True) for choice in choices), settings)
