"""One pipeline of Azure DevOps as a ``RemotePipeline``."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, final

from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.plan.remote_parameters import AUTHORIZATION
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import (
    CancelFailed,
    FinishedRun,
    FollowFailure,
    Parameter,
    PipelineInterrupted,
    PipelineMisconfigured,
    PipelineRefused,
    PipelineUnreachable,
    PreviewFailure,
    PreviewRequest,
    Run,
    RunRequest,
    StartFailure,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.access_token import Authenticator, check_readable
from image_builder_adapters.azure_devops.answer import Refusal, is_final, not_json, read_object
from image_builder_adapters.azure_devops.cancel import cancel
from image_builder_adapters.azure_devops.credential import Credential, read_credential
from image_builder_adapters.azure_devops.follow import Follower
from image_builder_adapters.azure_devops.identity_token import can_ask, identity_token
from image_builder_adapters.azure_devops.service import Service, TransientFailure
from image_builder_adapters.azure_devops.start import JSON_HEADERS, Starter, refused, start_body
from image_builder_adapters.azure_devops.urls import PipelineUrls
from image_builder_adapters.http.client import HttpAnswer, HttpClient, HttpRequest, NoAnswer, Timeouts, shown_url
from image_builder_adapters.http.retry import RetryPolicy

# Throttled requests are delayed by up to 30 s before they are answered.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 300.0
_TIMEOUTS: Final = Timeouts(connect_seconds=10.0, read_seconds=60.0, whole_seconds=90.0)


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 (spreads load, hides nothing)


@final
@dataclass(frozen=True, slots=True)
class PipelineSurroundings:
    """What the adapter needs besides its settings.

    ``environment`` is the tool's own. ``redact`` removes secrets from a text, and ``learn`` receives those that arrive
    at run time. ``notify`` receives messages for people who wait. ``clock`` gives seconds since 1970.
    """

    environment: Mapping[str, str] = field(repr=False)
    redact: Callable[[str], str] = str
    learn: Callable[[str], None] = lambda _secret: None
    notify: Callable[[str], None] = lambda _text: None
    clock: Callable[[], float] = time.time
    stopwatch: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = _jitter


@final
class AzureDevOpsPipeline:
    """Implements :class:`~image_builder_domain.remote_pipeline.RemotePipeline`."""

    def __init__(
        self, settings: AdoSettings, surroundings: PipelineSurroundings, user_agent: str = "image-builder"
    ) -> None:
        self._settings = settings
        self._around = surroundings
        self._urls = PipelineUrls(settings)
        self._client = HttpClient(timeouts=_TIMEOUTS, user_agent=user_agent)
        self._started: set[Run] = set()
        self._canceled: set[Run] = set()
        self._opened: Service | None = None

    def check(self) -> Result[None, PipelineMisconfigured]:
        """Implement ``RemotePipeline.check``."""
        return self._credential().bind(check_readable)

    def describe(self, request: RunRequest | PreviewRequest) -> str:
        """Implement ``RemotePipeline.describe``: an HTTP request as text."""
        credential = self._credential().map(lambda found: f"*** ({found})").value_or("(no credential is set)")
        if isinstance(request, RunRequest):
            secret = (Parameter.secret(AUTHORIZATION, ""),) if request.identity_token else ()
            url, body = self._urls.start(), start_body((*request.parameters, *secret), shown=True)
        else:
            url, body = self._urls.preview(), preview_body(request, shown=True)
        headers = (*JSON_HEADERS, ("Authorization", credential))
        return "\n".join([f"POST {url}", *(f"{name}: {value}" for name, value in headers), "", body])

    def start(self, request: RunRequest, cancellation: Cancellation) -> Result[Run, StartFailure]:
        """Implement ``RemotePipeline.start``."""
        service = unwrap_or_failure(self._service())
        if isinstance(service, PipelineMisconfigured):
            return Failure(PipelineRefused(service.where, service.reason, service.remedy))
        parameters = unwrap_or_failure(self._with_identity(request, service, cancellation))
        if not isinstance(parameters, tuple):
            return Failure(parameters)
        return Starter(self._urls, service, parameters, cancellation).start().map(self._remember)

    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        """Implement ``RemotePipeline.follow``."""
        service = self._service().unwrap()  # the run was started, so there is a credential
        refresh, notify = self._settings.refresh_seconds, self._around.notify
        return Follower(run, self._urls, service, output, refresh, notify).follow(cancellation)

    def cancel(self, run: Run) -> Result[None, CancelFailed]:
        """Implement ``RemotePipeline.cancel``."""
        if run not in self._started:
            return Failure(CancelFailed(run, "this process did not start it"))
        if run in self._canceled:
            return Success(None)
        self._canceled.add(run)
        return cancel(run, self._urls.build(run.number), self._service().unwrap()).alt(
            lambda reason: CancelFailed(run, reason)
        )

    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Result[str, PreviewFailure]:
        """Implement ``RemotePipeline.preview``."""
        where = shown_url(self._urls.preview())
        if not request.definition.strip():
            reason = "for an empty definition the service would use the one in the repository"
            return Failure(PipelineRefused(where, reason, "specify a definition"))
        service = unwrap_or_failure(self._service())
        if isinstance(service, PipelineMisconfigured):
            return Failure(PipelineRefused(service.where, service.reason, service.remedy))
        body = preview_body(request).encode()
        asked = HttpRequest("POST", self._urls.preview(), JSON_HEADERS, body)
        found = unwrap_or_failure(service.ask(asked, cancellation))
        match found:
            case Refusal():
                return Failure(refused(found, self._settings.parameters))
            case TransientFailure():
                return Failure(PipelineUnreachable(found.where, found.reason))
            case PipelineInterrupted():
                return Failure(found)
            case HttpAnswer():
                return _expanded(where, found)

    def close(self) -> None:
        """Implement ``RemotePipeline.close``."""
        self._client.close()

    # --- parts ----------------------------------------------------------------------------------------------------

    def _remember(self, run: Run) -> Run:
        self._started.add(run)
        return run

    def _credential(self) -> Result[Credential, PipelineMisconfigured]:
        return read_credential(self._around.environment)

    def _service(self) -> Result[Service, PipelineMisconfigured]:
        if self._opened is not None:
            return Success(self._opened)
        return self._credential().map(self._open)

    def _open(self, credential: Credential) -> Service:
        around, settings = self._around, self._settings
        policy = RetryPolicy(
            attempts=settings.attempts,
            pause_seconds=max(settings.delay_seconds, _SHORTEST_PAUSE),
            growth=2.0,
            longest_pause_seconds=_LONGEST_PAUSE,
            is_final=is_final,
            jitter=around.jitter,
        )
        authenticator = Authenticator(credential, self._client, policy, around.learn, around.stopwatch)
        self._opened = Service(self._client, authenticator, policy, around.redact, around.clock, around.stopwatch)
        return self._opened

    def _with_identity(
        self, request: RunRequest, service: Service, cancellation: Cancellation
    ) -> Result[tuple[Parameter, ...], StartFailure]:
        if not request.identity_token or not can_ask(self._around.environment):
            return Success(request.parameters)
        token = unwrap_or_failure(identity_token(self._around.environment, self._client, service.policy, cancellation))
        if not isinstance(token, NoAnswer):
            self._around.learn(token)
            return Success((*request.parameters, Parameter.secret(AUTHORIZATION, token)))
        reason = cancellation.reason()
        if reason is not None:
            return Failure(PipelineInterrupted(reason))
        return Failure(PipelineUnreachable(token.url, f"cannot get this job's identity token: {token.reason}"))


def preview_body(request: PreviewRequest, *, shown: bool = False) -> str:
    """The body that expands a definition; ``shown`` hides secrets."""
    parameters = {each.name: each.shown if shown else each.value for each in request.parameters}
    return json.dumps({"previewRun": True, "yamlOverride": request.definition, "templateParameters": parameters})


def _expanded(where: str, answer: HttpAnswer) -> Result[str, PreviewFailure]:
    text = read_object(answer.body).get("finalYaml")
    if not isinstance(text, str):
        return Failure(refused(not_json(where)))
    if not text.strip():
        remedy = "repeat the preview, and check the definition in Azure DevOps if it stays empty"
        return Failure(PipelineRefused(where, "the service expanded the definition to nothing", remedy))
    return Success(text.replace("\r\n", "\n").encode("utf-8", "replace").decode())
