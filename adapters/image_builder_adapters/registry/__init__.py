"""OCI registries over HTTP, with the credentials of Docker's configuration files."""

from image_builder_adapters.registry.client import HttpRegistry
from image_builder_adapters.registry.docker_config import DockerCredentials

__all__ = ["HttpRegistry", "DockerCredentials"]
