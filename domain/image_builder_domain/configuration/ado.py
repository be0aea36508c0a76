"""The section ``ado-config``: settings of the Azure DevOps backend (specification, sections 2 and 7)."""

import re
from dataclasses import dataclass
from typing import Any, Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.decoder import duration, whole_number

_DAY = 86400.0
# A name or a GUID; what the service forbids in the name of a project.
_PROJECT = r"(?![._])[^\x00-\x1f\x7f/\\:*?\"'<>;#$+={}\[\],|&@~%]{1,64}(?<![. ])"
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/@?#:\[\]]+)"
_PORT_AND_PATH = r"(:[0-9]{1,5})?(/[^\s?#]*)?"
_URL = rf"https?://{_HOST}{_PORT_AND_PATH}"
_LOOPBACK = r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])"
_SECURE = rf"(https://{_HOST}|http://{_LOOPBACK}){_PORT_AND_PATH}"
_API_VERSION: Final = "7.1"
_VERSION = r"[0-9]{1,2}\.[0-9](-preview(\.[0-9]{1,2})?)?"


@final
@dataclass(frozen=True, slots=True)
class AdoSettings:
    """One pipeline, and how requests to it are retried.

    ``organization_url`` has no slash at its end. ``pipeline_version`` is the revision of the definition, None for the
    newest. ``attempts`` includes the first one; ``delay_seconds`` is the first pause between two of them.
    ``parameters`` is the contract of the pipeline's template parameters. ``api_version`` is the version of the REST API
    that requests ask for.
    """

    organization_url: str
    project: str
    pipeline_id: int
    pipeline_version: int | None = None
    attempts: int = 3
    delay_seconds: float = 5.0
    refresh_seconds: float = 15.0
    parameters: str = "v1"
    api_version: str = "7.1"


def _secure_url(url: str) -> Result[str, str]:
    match = re.fullmatch(_URL, url)
    if not match:
        return Failure("this is not a URL of a host, without user, query or fragment")
    if not re.fullmatch(_SECURE, url):
        return Failure("credentials are sent there, so it must be https (http goes to loopback only)")
    if match[2] and not 0 < int(match[2][1:]) < 65536:
        return Failure("a port is a number from 1 to 65535")
    return Success(url.rstrip("/"))


def _project(name: str) -> Result[str, str]:
    return Success(name) if re.fullmatch(_PROJECT, name) else Failure("this is neither a project name nor a GUID")


def _version(text: str) -> Result[str, str]:
    return Success(text) if re.fullmatch(_VERSION, text) else Failure("this is not a version of the REST API")


def _settings(values: dict[str, Any]) -> AdoSettings:
    retry = values.get("ado-retry-strategy", {})
    return AdoSettings(
        organization_url=values["ado-organization-url"],
        project=values["ado-project-name"],
        pipeline_id=values["ado-pipeline-id"],
        pipeline_version=values.get("ado-pipeline-version") or None,
        attempts=retry.get("attempts", 3),
        delay_seconds=retry.get("delay", 5.0),
        refresh_seconds=values.get("ado-refresh-interval", 15.0),
        parameters=values.get("parameters", "v1"),
        api_version=values.get("api-version", _API_VERSION),
    )


_LARGEST_ID: Final = 2**31 - 1

ADO: Final = read.fields(
    {
        "ado-organization-url": read.plain_text.parsed(
            _secure_url, "write https://dev.azure.com/ORGANIZATION", pattern=f"^{_SECURE}$"
        ).about("Where the organization is, such as https://dev.azure.com/acme."),
        "ado-project-name": read.text.parsed(
            _project, "write the project as Azure DevOps shows it", pattern=f"^{_PROJECT}$"
        ).about("The project that holds the pipeline, by name or GUID."),
        "ado-pipeline-id": whole_number(1, _LARGEST_ID).about("The pipeline's definition id."),
        "ado-pipeline-version": whole_number(0, _LARGEST_ID).about(
            "The revision of the definition to run; 0 is the newest.", default=0
        ),
        "ado-retry-strategy": read.fields(
            {
                "attempts": whole_number(1, 100).about("How often a request is sent at most.", default=3),
                "delay": duration(zero=True, most=3600).about("The first pause between attempts.", default="5s"),
            }
        ).about("How requests are retried if the service is unreachable or busy."),
        "ado-refresh-interval": duration(most=_DAY).about("How often a run is looked at.", default="15s"),
        "parameters": read.choice("v1", "v2", "v3").about("The contract of the pipeline's parameters.", default="v1"),
        "api-version": read.plain_text.parsed(
            _version, f"write a version such as {_API_VERSION} or 6.0-preview.1", pattern=f"^{_VERSION}$"
        ).about("The version of the REST API, for an Azure DevOps Server.", default=_API_VERSION),
    },
    ("ado-organization-url", "ado-project-name", "ado-pipeline-id"),
).into(_settings)
"""The keys of ``ado-config``."""
