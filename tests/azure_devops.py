"""A plain client of the stand-in Azure DevOps: one request, one answer, nothing of the tool's own."""

import base64
import gzip
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import urlencode, urlsplit

from image_builder_stand_ins.azure_devops.identity import SCOPE
from image_builder_stand_ins.azure_devops.service import AzureDevOps

DEFINITION = """\
parameters:
  - name: Name
  - name: Count
    type: number
    default: 3
  - name: Export
    type: boolean
    default: false
  - name: Engine
    default: kaniko
    values: [kaniko, buildx]
steps:
  - bash: echo hello
    name: greet
"""


@final
@dataclass(frozen=True, slots=True)
class Got:
    """An answer; ``headers`` are lower case, ``every`` has those that came more than once."""

    status: int
    headers: Mapping[str, str]
    every: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def text(self) -> str:
        return self.body.decode()


@final
@dataclass(frozen=True, slots=True)
class Client:
    """Asks with the service's personal access token unless the caller gives another one."""

    service: AzureDevOps

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        root: bool = False,
    ) -> Got:
        """``path`` is below ``_apis/``; without a query it gets ``api-version=7.1``."""
        parts = urlsplit(self.service.organization_url)
        target = path if root else f"{parts.path}/{self.service.project}/_apis/{path}"
        if "api-version" not in target and not root:
            target += ("&" if "?" in target else "?") + "api-version=7.1"
        sent = {"Authorization": basic(self.service.pat), "X-TFS-FedAuthRedirect": "Suppress", **(headers or {})}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request(method, target, content, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        every = tuple((name.lower(), value) for name, value in answer.getheaders())
        if ("content-encoding", "gzip") in every:
            found = gzip.decompress(found)
        return Got(answer.status, dict(every), every, found)

    def sign_in(self, tenant: str | None = None, **changed: str | None) -> Got:
        """Ask the Entra tenant for a token, as the service's principal; ``changed`` are fields of the form."""
        return self.ask(*self.token_request(tenant, **changed), root=True)

    def token_request(
        self, tenant: str | None = None, **changed: str | None
    ) -> tuple[str, str, bytes, Mapping[str, str]]:
        """Path, method, body and headers of :meth:`sign_in`."""
        principal = self.service.principal
        fields = {
            "grant_type": "client_credentials",
            "client_id": principal.client,
            "client_secret": principal.secret,
            "scope": SCOPE,
            **changed,
        }
        body = urlencode({name: value for name, value in fields.items() if value is not None}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
        return f"/{tenant or principal.tenant}/oauth2/v2.0/token", "POST", body, headers

    def start(self, pipeline: int, parameters: Mapping[str, Any] | None = None) -> Got:
        return self.ask(f"pipelines/{pipeline}/runs", "POST", {"templateParameters": dict(parameters or {})})

    def finish(self, pipeline: int, parameters: Mapping[str, Any] | None = None) -> int:
        """Start a run and wait until it is completed; gives its id."""
        started = self.start(pipeline, parameters)
        assert started.status == 200, started.text()
        number: int = started.json()["id"]
        assert self.service.runs[0].completed.wait(20)
        return number

    def records(self, number: int) -> dict[str, dict[str, Any]]:
        """The timeline's records by name; of several with one name the innermost."""
        order = ("Stage", "Phase", "Job", "Task")
        found = self.ask(f"build/builds/{number}/timeline").json()["records"]
        return {record["name"]: record for record in sorted(found, key=lambda each: order.index(each["type"]))}

    def log(self, number: int, name: str) -> list[str]:
        """The log of the record with this name, without timestamps."""
        log = self.records(number)[name]["log"]["id"]
        text = self.ask(f"build/builds/{number}/logs/{log}", headers={"Accept": "text/plain"}).text()
        return [line[29:] for line in text.splitlines()]


def basic(password: str, user: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def wait_for(holds: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)
