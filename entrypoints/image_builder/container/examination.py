"""What ``doctor`` looks with: it asks adapters of every kind about themselves, one by one."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from image_builder_adapters.azure_devops.credential import read_credential
from image_builder_adapters.azure_devops.identity_token import can_ask
from image_builder_adapters.http.client import HttpClient
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.kaniko.container import executor_path, is_in_our_container
from image_builder_adapters.plugins import signers
from image_builder_adapters.program_version import Program, program_finding
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import DockerCredentials, HttpRegistry
from image_builder_adapters.registry.client import impatient_client, reachable
from image_builder_domain.failure import PushDenied, RegistryFailure
from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import Cancellation
from returns.result import Result

from image_builder.container.runs import lasting_settings, open_engine_surroundings
from image_builder.container.signing import open_all_signers

__all__ = [
    "DockerCredentials",
    "Program",
    "PushAnswer",
    "can_ask",
    "executor_path",
    "impatient_client",
    "is_in_our_container",
    "lasting_settings",
    "open_all_signers",
    "open_engine_surroundings",
    "program_finding",
    "push_rights",
    "reachable",
    "read_credential",
    "signers",
]

PushAnswer: TypeAlias = Result[None, PushDenied | RegistryFailure]


def push_rights(
    environment: Mapping[str, str], redactor: Redactor, client: HttpClient
) -> Callable[[Repository, Cancellation], PushAnswer]:
    """The check of ``PublishingRegistry.check_push``, which tries once."""
    return HttpRegistry(environment, redactor, client, RetryPolicy(attempts=1)).check_push
