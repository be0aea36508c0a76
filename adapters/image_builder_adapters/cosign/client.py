"""``cosign`` as a client of a registry: with the credentials that our own look-up finds, whatever it would find itself.

It looks in fewer places, reads the first file alone, and finds no entry of ``auths`` for a namespace: what could be
pushed and resolved could then not be signed.
"""

from collections.abc import Mapping
from typing import final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.ports import Cancellation
from image_builder_domain.registry_failure import BadCredentials
from image_builder_domain.signer_type import Secrets
from returns.methods import unwrap_or_failure

from image_builder_adapters.cosign.command import Files, Subject
from image_builder_adapters.cosign.environment import cosign_environment
from image_builder_adapters.cosign.program import Ended, Trouble, run_cosign
from image_builder_adapters.registry.docker_config import DockerCredentials, docker_configuration


@final
class CosignClient:
    """Runs the program for one image at a time. ``environment`` is the tool's own; ``secrets`` learns credentials."""

    def __init__(self, environment: Mapping[str, str], settings: CosignSettings, secrets: Secrets) -> None:
        self._environment = cosign_environment(environment, settings)
        self._credentials = DockerCredentials(environment)
        self._secrets = secrets

    def run(
        self,
        arguments: tuple[str, ...],
        files: Files,
        subject: Subject,
        cancellation: Cancellation,
        descriptors: tuple[int, ...] = (),
    ) -> Ended | Trouble:
        """How it ended, or why there is no end that counts."""
        found = unwrap_or_failure(self._credentials.find(subject.repository, cancellation))
        if isinstance(found, BadCredentials):
            return Trouble(str(found))
        for secret in found.secrets if found is not None else ():
            self._secrets.learn(secret)
        environment = self._environment | {"DOCKER_CONFIG": files.docker_folder}
        login = docker_configuration(subject.repository, found)
        return run_cosign(arguments, environment, cancellation, descriptors, login)
