"""What is carried out: engines, registries, signers, pipelines and files, wired from checked settings."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dependency_injector import containers, providers
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.plugins import engines
from image_builder_adapters.registry import HttpRegistry
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.engine_type import EngineSurroundings
from image_builder_domain.image.reference import Repository
from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.signing import SignerChoice
from image_builder_domain.ports import Cancellation, Verifier
from image_builder_domain.remote_pipeline import RemotePipeline

from image_builder import __version__
from image_builder.container import Settings
from image_builder.container.signing import chosen_signers, verifiers_of
from image_builder.workflows.build import Ports
from image_builder.workflows.remote_build import RemotePorts


class Container(containers.DeclarativeContainer):
    """Checked settings in, ready ports out: for builds, with an engine or a pipeline."""

    settings = providers.Dependency(instance_of=Settings)
    choices = providers.Dependency(instance_of=tuple)

    registry = providers.Singleton(HttpRegistry, settings.provided.environment, settings.provided.redactor)
    signers = providers.Singleton(lambda choices, settings: chosen_signers(choices, settings), choices, settings)
    verifiers = providers.Singleton(lambda choices, settings: _verifiers(choices, settings), choices, settings)

    backend = providers.Dependency(instance_of=str, default="")
    own: providers.Object[Any] = providers.Object(None)
    log_format: providers.Object[str | None] = providers.Object(None)
    single_build = providers.Dependency(instance_of=bool, default=True)

    around = providers.Factory(
        EngineSurroundings,
        environment=settings.provided.environment,
        secrets=settings.provided.redactor,
        layouts=registry,
        state_directory=settings.provided.state_directory,
        log_directory=settings.provided.log_directory,
        log_format=log_format,
        single_build=single_build,
        user=providers.Callable(os.geteuid),
    )
    artifacts = providers.Singleton(
        FileArtifacts,
        settings.provided.log_directory,
        settings.provided.redactor,
        settings.provided.context,
    )
    engine = providers.Singleton(lambda name, own, around: engines()[name].make(own, around), backend, own, around)
    ado = providers.Dependency(instance_of=AdoSettings)
    notify = providers.Dependency(instance_of=object)
    pipeline = providers.Singleton(
        lambda settings, ado, notify: _pipeline(settings, ado, notify), settings, ado, notify
    )
    remote_ports = providers.Factory(RemotePorts, pipeline=pipeline, artifacts=artifacts)
    ports = providers.Factory(
        Ports,
        engine=engine,
        registry=registry,
        publishing=registry,
        signers=signers,
        artifacts=artifacts,
        verifiers=verifiers,
    )


def _verifiers(choices: tuple[SignerChoice, ...], settings: Settings) -> dict[str, Verifier]:
    """Those of the chosen signers whose type can be verified."""
    return verifiers_of(tuple(choice.definition for choice in choices if choice.chosen), settings)


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
