"""The composition root: the one place that knows every adapter and wires it to its port.

Settings are checked before they come here; nothing else knows the container.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from dependency_injector import containers, providers
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.filesystem import FileArtifacts
from image_builder_adapters.notary import NotarySigner
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_domain.plan import Plan
from image_builder_domain.ports import Signer
from image_builder_domain.signer_settings import NotarySettings, SignerSettings

from image_builder.workflows.build import Ports


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
    plan = providers.Dependency(instance_of=Plan)

    engine = providers.Singleton(
        BuildkitEngine,
        providers.Factory(
            BuildkitSettings,
            environment=settings.provided.environment,
            state_directory=settings.provided.state_directory,
            daemon_log=providers.Callable(os.path.join, settings.provided.log_directory, "buildkitd.log"),
            single_build=providers.Callable(lambda plan: len(plan.builds) == 1, plan),
            user=providers.Callable(os.geteuid),
            redact=settings.provided.redactor.data,
        ),
    )
    registry = providers.Singleton(HttpRegistry, settings.provided.environment, settings.provided.redactor)
    artifacts = providers.Singleton(FileArtifacts, settings.provided.log_directory, settings.provided.redactor.data)
    signers = providers.Callable(lambda plan: _signers(plan), plan)
    ports = providers.Factory(Ports, engine=engine, registry=registry, signers=signers, artifacts=artifacts)


def _signers(plan: Plan) -> dict[str, Signer]:
    return {
        choice.definition.name: _signer(choice.definition.name, choice.definition.settings)
        for choice in plan.signers
        if choice.chosen
    }


def _signer(name: str, settings: SignerSettings) -> Signer:
    if isinstance(settings, NotarySettings):
        return NotarySigner(name, settings)
    raise TypeError(f"no signer for {type(settings).__name__}: such a plan is refused before")


def open_ports(settings: Settings, plan: Plan) -> Ports:
    """Everything that a build or its plan needs; opens nothing yet."""
    ports: Ports = Container(settings=settings, plan=plan).ports()
    return ports
