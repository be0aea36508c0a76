"""Parts of configuration files for the stand-in services."""

from pathlib import Path
from typing import Any

from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import Pipeline


def sign_config(endpoint: str, secret: Path | str, secret_type: str = "mtls") -> dict[str, Any]:
    """One signer, ``local``, that signs for every repository."""
    settings = {
        "endpoint": endpoint,
        "retry-timeout": "100ms",
        "secret": {"path": str(secret), "type": secret_type},
    }
    return {
        "enabled-signers": {"*": ["local"]},
        "signers": [{"name": "local", "type": "notary", "config": settings}],
    }


def ado_config(service: AzureDevOps, pipeline: Pipeline, refresh: str = "100ms") -> dict[str, Any]:
    """A pipeline that takes the parameters of contract v2."""
    return {
        "ado-organization-url": service.organization_url,
        "ado-project-name": service.project,
        "ado-pipeline-id": pipeline.card.id,
        "ado-refresh-interval": refresh,
        "parameters": "v2",
    }
