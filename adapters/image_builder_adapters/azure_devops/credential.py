"""Credentials for the service, from environment variables: an Entra service principal, or a personal access token.

The variables of the service principal are those of Microsoft's own clients. A complete service principal has
precedence over a personal access token.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeGuard, final

from image_builder_domain.remote_pipeline import PipelineMisconfigured
from returns.result import Failure, Result, Success

from image_builder_adapters.http.message import may_carry_secrets

_AUTHORITY: Final = "https://login.microsoftonline.com"
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
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
    """An application of Entra, with a secret or a file with a federated token.

    ``authority`` is the URL of the sign-in service without a final slash.
    """

    tenant: str
    client: str
    authority: str = _AUTHORITY
    secret: str | None = field(default=None, repr=False)
    token_file: str | None = None

    def __str__(self) -> str:
        return f"the service principal {self.client}"


Credential: TypeAlias = PersonalAccessToken | ServicePrincipal


def read_credential(environment: Mapping[str, str]) -> Result[Credential, PipelineMisconfigured]:
    """The credential of this environment. White space around a value is ignored, such as a file's last newline."""
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    if all(name in given for name in _IDENTITY) and (_SECRET in given or _TOKEN_FILE in given):
        return _service_principal(given)
    if "ADO_PAT" in given:
        return _personal_access_token(given["ADO_PAT"])
    partial = [name for name in (*_IDENTITY, _SECRET, _TOKEN_FILE) if name in given]
    detail = f" ({' and '.join(partial)} alone are not enough)" if partial else ""
    return _misconfigured("ADO_PAT", f"there is no credential for Azure DevOps{detail}", _REMEDY)


def is_token(value: object) -> TypeGuard[str]:
    """Whether this is a string that a token can be: visible ASCII characters only."""
    return isinstance(value, str) and _VISIBLE.fullmatch(value) is not None


def _personal_access_token(token: str) -> Result[Credential, PipelineMisconfigured]:
    if not is_token(token):
        return _misconfigured("ADO_PAT", "the value has characters that no token has", "set it to the token only")
    return Success(PersonalAccessToken(token))


def _service_principal(given: Mapping[str, str]) -> Result[Credential, PipelineMisconfigured]:
    authority = given.get("AZURE_AUTHORITY_HOST", _AUTHORITY).rstrip("/")
    authority = authority if "://" in authority else f"https://{authority}"
    if not may_carry_secrets(authority) or "?" in authority or "#" in authority:
        return _misconfigured("AZURE_AUTHORITY_HOST", "the value is not an https URL", f"unset it for {_AUTHORITY}")
    for name in _IDENTITY:
        if _TENANT.fullmatch(given[name]) is None:
            return _misconfigured(name, "the value is not an id", "set it to the id in the Azure portal")
    tenant, client = (given[name] for name in _IDENTITY)
    return Success(ServicePrincipal(tenant, client, authority, given.get(_SECRET), given.get(_TOKEN_FILE)))


def _misconfigured(where: str, reason: str, remedy: str) -> Failure[PipelineMisconfigured]:
    return Failure(PipelineMisconfigured(where, reason, remedy))
