"""The Azure DevOps backend: its settings, and whether there is a credential. Nothing is sent."""

from collections.abc import Iterator, Mapping
from typing import Final

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Finding
from image_builder_domain.plan.remote_parameters import sends_token
from image_builder_domain.remote_pipeline import PipelineMisconfigured
from returns.methods import unwrap_or_failure

from image_builder.container.examination import can_ask, read_credential

_AREA: Final = "Azure DevOps"


def look_at_pipeline(
    configuration: Configuration | None,
    is_in_effect: bool,
    environment: Mapping[str, str],
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
    if settings is not None and sends_token(settings.parameters):
        yield _identity_token(environment)


def _credential(environment: Mapping[str, str], is_needed: bool) -> Finding:
    found = unwrap_or_failure(read_credential(environment))
    if isinstance(found, PipelineMisconfigured):
        return Finding(_AREA, "credential", f"{found.where}: {found.reason}", False, is_needed, found.remedy)
    return Finding(_AREA, "credential", str(found), is_needed=is_needed)


def _identity_token(environment: Mapping[str, str]) -> Finding:
    """Not needed by every pipeline: only the one of this repository refuses pushes without a token."""
    if can_ask(environment):
        return Finding(_AREA, "identity token", "this job may ask GitHub for one")
    remedy = "in GitHub Actions add 'permissions: id-token: write'; the shipped pipeline refuses pushes without a token"
    return Finding(_AREA, "identity token", "this job cannot ask for one", False, remedy=remedy)
