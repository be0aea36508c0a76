"""The composition root of remote builds, apart from that of local ones: these must start without anything remote."""

from collections.abc import Callable

from dependency_injector import containers, providers
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.azure_devops.pipeline import AzureDevOpsPipeline, PipelineSurroundings
from image_builder_domain.configuration.ado import AdoSettings

from image_builder import __version__
from image_builder.container import Settings
from image_builder.workflows.remote_build import RemotePorts


class RemoteContainer(containers.DeclarativeContainer):
    """What a build in a remote pipeline needs: no engine, no registry and no signer of ours."""

    settings = providers.Dependency(instance_of=Settings)
    ado = providers.Dependency(instance_of=AdoSettings)
    notify: providers.Dependency[Callable[[str], None]] = providers.Dependency()

    pipeline = providers.Singleton(
        AzureDevOpsPipeline,
        ado,
        providers.Factory(
            PipelineSurroundings,
            environment=settings.provided.environment,
            redact=settings.provided.redactor.text,
            learn=settings.provided.redactor.learn,
            notify=notify,
        ),
        user_agent=f"image-builder/{__version__}",
    )
    artifacts = providers.Singleton(
        FileArtifacts, settings.provided.log_directory, settings.provided.redactor, settings.provided.context
    )
    ports = providers.Factory(RemotePorts, pipeline=pipeline, artifacts=artifacts)


def open_remote_ports(settings: Settings, ado: AdoSettings, notify: Callable[[str], None]) -> RemotePorts:
    """Everything that a remote build needs; opens nothing yet. ``notify`` tells people what happens meanwhile."""
    container = RemoteContainer(settings=settings, ado=ado, notify=providers.Object(notify))
    ports: RemotePorts = container.ports()
    return ports
