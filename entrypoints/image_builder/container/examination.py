"""What ``doctor`` looks with: it asks adapters of every kind about themselves, one by one."""

from image_builder_adapters.azure_devops.credential import read_credential
from image_builder_adapters.azure_devops.identity_token import can_ask
from image_builder_adapters.kaniko.container import executor_path, is_in_our_container
from image_builder_adapters.plugins import signers
from image_builder_adapters.program_version import Program, program_finding
from image_builder_adapters.registry import DockerCredentials
from image_builder_adapters.registry.client import impatient_client, reachable

from image_builder.container.runs import lasting_settings, open_all_signers, open_engine_surroundings

__all__ = [
    "DockerCredentials",
    "Program",
    "can_ask",
    "executor_path",
    "impatient_client",
    "is_in_our_container",
    "lasting_settings",
    "open_all_signers",
    "open_engine_surroundings",
    "program_finding",
    "reachable",
    "read_credential",
    "signers",
]
