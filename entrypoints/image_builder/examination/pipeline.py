"""The Azure DevOps backend: its settings, and whether there is a credential. Nothing is sent."""

from collections.abc import Iterator, Mapping
from typing import Final

from image_builder_domain.configuration import Configuration
from image_builder_domain.diagnosis import Finding

_AREA: Final = "Azure DevOps"
_IDENTITY: Final = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_PROOFS: Final = ("AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")


def look_at_pipeline(
    configuration: Configuration | None, is_in_effect: bool, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Needed when it is the backend in effect."""
    settings = configuration.ado if configuration is not None else None
    if settings is not None:
        shown = f"pipeline {settings.pipeline_id} of {settings.organization_url}/{settings.project}"
        yield Finding(_AREA, "ado-config", shown, is_needed=is_in_effect)
    else:
        remedy = "add ado-config to the configuration file"
        yield Finding(_AREA, "ado-config", "not configured", False, is_in_effect, remedy)
    yield _credential(environment, is_in_effect)


def _credential(environment: Mapping[str, str], is_needed: bool) -> Finding:
    """By the names of the variables alone."""
    if environment.get("ADO_PAT"):
        return Finding(_AREA, "credential", "ADO_PAT", is_needed=is_needed)
    proof = next((name for name in _PROOFS if environment.get(name)), None)
    if proof is not None and all(environment.get(name) for name in _IDENTITY):
        return Finding(_AREA, "credential", f"service principal with {proof}", is_needed=is_needed)
    remedy = f"set ADO_PAT, or {' and '.join(_IDENTITY)} with {' or '.join(_PROOFS)}"
    return Finding(_AREA, "credential", "none in the environment", False, is_needed, remedy)
