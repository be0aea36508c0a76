"""Who we are for the service: a personal access token, or an Entra service principal (environment variables only).

The variables of the service principal are those of Microsoft's own clients. It is used when it is complete; otherwise
the personal access token is.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

from image_builder_domain.remote_pipeline import PipelineMisconfigured
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import is_loopback_host

_AUTHORITY: Final = "https://login.microsoftonline.com"
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_SECRET, _TOKEN_FILE = "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"
_IDENTITY: Final = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
_REMEDY: Final = f"set ADO_PAT, or {' and '.join(_IDENTITY)} with {_SECRET} or {_TOKEN_FILE}"


@final
@dataclass(frozen=True, slots=True)
class PersonalAccessToken:
    """A personal access token."""

    token: str = field(repr=False)

    def __str__(self) -> str:
        return "ADO_PAT"

    def header(self) -> str:
        """The value of ``Authorization``: Basic, with an empty user name."""
        return "Basic " + base64.b64encode(b":" + self.token.encode("ascii")).decode("ascii")


@final
@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application of Entra; ``secret`` or ``token_file`` proves it. ``authority`` is a URL without a slash."""

    tenant: str
    client: str
    authority: str = _AUTHORITY
    secret: str | None = field(default=None, repr=False)
    token_file: str | None = None

    def __str__(self) -> str:
        return f"the service principal {self.client}"


Credential: TypeAlias = PersonalAccessToken | ServicePrincipal


def read_credential(environment: Mapping[str, str]) -> Result[Credential, PipelineMisconfigured]:
    """The credential of this environment; blanks around a value, as a file's last newline is one, do not count."""
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    if all(name in given for name in _IDENTITY) and (_SECRET in given or _TOKEN_FILE in given):
        return _service_principal(given)
    if "ADO_PAT" in given:
        return _personal_access_token(given["ADO_PAT"])
    partial = [name for name in (*_IDENTITY, _SECRET, _TOKEN_FILE) if name in given]
    reason = f"there is no credential for Azure DevOps ({' and '.join(partial)} alone are not enough)"
    return _misconfigured("ADO_PAT", reason if partial else "there is no credential for Azure DevOps", _REMEDY)


def _personal_access_token(token: str) -> Result[Credential, PipelineMisconfigured]:
    if _PRINTABLE.fullmatch(token) is None:
        return _misconfigured("ADO_PAT", "it holds characters that no token has", "set it to the token alone")
    return Success(PersonalAccessToken(token))


def _service_principal(given: Mapping[str, str]) -> Result[Credential, PipelineMisconfigured]:
    authority = given.get("AZURE_AUTHORITY_HOST", _AUTHORITY).rstrip("/")
    authority = authority if "://" in authority else f"https://{authority}"
    if not _is_secure(authority):
        return _misconfigured("AZURE_AUTHORITY_HOST", "it is no https URL of a host", f"leave it out for {_AUTHORITY}")
    for name in _IDENTITY:
        if _TENANT.fullmatch(given[name]) is None:
            return _misconfigured(name, "it is no id", "set it to the id that the Azure portal shows")
    tenant, client = (given[name] for name in _IDENTITY)
    return Success(ServicePrincipal(tenant, client, authority, given.get(_SECRET), given.get(_TOKEN_FILE)))


def _is_secure(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host))
    return secure and bool(host) and parts.username is None and not parts.query and not parts.fragment


def _misconfigured(where: str, reason: str, remedy: str) -> Failure[PipelineMisconfigured]:
    return Failure(PipelineMisconfigured(where, reason, remedy))
