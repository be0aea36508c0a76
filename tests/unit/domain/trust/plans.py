"""Configurations for plans on each side of trust."""

from typing import Any

import yaml
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.git_state import JobType
from returns.result import Result

from tests.given import loaded

UNMERGED_CLASSES = (JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH)

WHOLE: dict[str, Any] = {
    "registry": "reg.example/prod",
    "dev-registry": "reg.example/dev",
    "cache": {"enabled": True, "cache-repo": "reg.example/cache", "dev-cache-repo": "reg.example/dev/cache"},
    "sign-config": {
        "enabled-signers": {"*": ["any", "named"]},
        "signers": [
            {"name": "any", "type": "notary", "config": {"endpoint": "https://sign.example/"}},
            {
                "name": "named",
                "type": "notary",
                "job-type": [found.value for found in UNMERGED_CLASSES],
                "config": {"endpoint": "https://sign.example/"},
            },
        ],
    },
}
"""Registries, caches and signers for both sides."""


def configured(document: dict[str, Any]) -> Result[Configuration, Any]:
    """The configuration of a file that holds this."""
    return loaded(yaml.safe_dump(document))


def lies_in(reference: ImageReference, prefixes: tuple[RegistryPrefix, ...]) -> bool:
    """Whether the image lies in one of these registries."""
    return any(prefix.contains(reference.repository) for prefix in prefixes)
