"""Starting a run: once, never twice.

The request is repeated only if it certainly had no effect: it was not sent, or it was turned away (429, or a token that
had to be renewed). After any other lost answer, the run that it may have started is searched by parameters and time.
"""

import json
import re
from collections.abc import Callable
from typing import Final, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.plan.remote_parameters import fitting_contract
from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import (
    Parameter,
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    Run,
    RunUncertain,
    StartFailure,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import (
    LARGEST_JSON,
    NoJson,
    Refusal,
    not_json,
    read_json,
)
from image_builder_adapters.azure_devops.search import Found, Search, read_run, why_not
from image_builder_adapters.azure_devops.service import Service, TransientFailure
from image_builder_adapters.azure_devops.urls import PipelineUrls
from image_builder_adapters.http.client import HttpAnswer, HttpRequest, NoAnswer, NoAnswerKind, shown_url

JSON_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"), ("Accept", "application/json"))
_DELAY_SECONDS: Final = 2.0
_SEARCH_PAUSES: Final = (1.0, 3.0, 6.0, 10.0, 10.0)
_UNEXPECTED: Final = re.compile(r"Unexpected parameter '([^']*)'")


def start_body(parameters: tuple[Parameter, ...], *, shown: bool = False) -> str:
    """The body that starts a run; ``shown`` hides secrets."""
    return json.dumps({"templateParameters": {each.name: each.shown if shown else each.value for each in parameters}})


@final
class Starter:
    """Starts one run with these parameters."""

    def __init__(
        self, urls: PipelineUrls, service: Service, parameters: tuple[Parameter, ...], cancellation: Cancellation
    ) -> None:
        self._urls = urls
        self._service = service
        self._parameters = parameters
        self._cancellation = cancellation
        self._sent_at = 0.0

    def start(self) -> Result[Run, StartFailure]:
        """Implement ``RemotePipeline.start``."""
        policy, attempts = self._service.policy, 0
        request = HttpRequest("POST", self._urls.start(), JSON_HEADERS, start_body(self._parameters).encode())
        while self._cancellation.reason() is None:
            self._sent_at = self._service.stopwatch()
            # To cancel the run that this request starts, its number is needed.
            raw = self._service.send(request, self._delayed(_DELAY_SECONDS), LARGEST_JSON)
            lost = unwrap_or_failure(raw)
            if isinstance(lost, NoAnswer) and lost.kind is NoAnswerKind.STOPPED and lost.may_have_arrived:
                return self._after_interruption()
            found = unwrap_or_failure(self._service.judged(request.url, raw, self._cancellation))
            attempts += 1
            match found:
                case HttpAnswer():
                    return self._started(found)
                case Refusal():
                    return Failure(refused(found, self._urls.settings.parameters))
                case PipelineInterrupted():
                    return Failure(found)
                case TransientFailure(may_have_arrived=True):
                    return self._searched(found.reason)
                case TransientFailure() if attempts >= policy.attempts:
                    return Failure(PipelineUnreachable(found.where, found.reason))
                case TransientFailure():
                    self._cancellation.wait(policy.pause(attempts, found.asked_seconds))
        return Failure(PipelineInterrupted(self._cancellation.reason() or Interruption.DEADLINE))

    def _started(self, answer: HttpAnswer) -> Result[Run, StartFailure]:
        content = read_json(answer.body)
        run = read_run(content, self._urls)
        if run is not None:
            return Success(run)
        if isinstance(content, NoJson) and content.cut_short:
            return self._searched("the answer was cut short")
        where = shown_url(self._urls.start())
        problem = not_json(where)
        return Failure(RunUncertain(where, f"{problem.reason} (no run with a number); {problem.remedy}"))

    # --- the run that may have been started -----------------------------------------------------------------------

    def _after_interruption(self) -> Result[Run, StartFailure]:
        """Search once, within a second, after a cancellation that came while the request was out."""
        found = self._search().look(self._delayed(_DELAY_SECONDS / 2))
        if isinstance(found, Found) and len(found.runs) == 1:
            return Success(found.runs[0])
        reason = "stopped before the service answered the request to start"
        return Failure(RunUncertain(self._urls.pipeline_page(), reason))

    def _searched(self, lost: str) -> Result[Run, StartFailure]:
        """Search a few times, because the request may still be on its way. Several matching runs are as bad as none."""
        delayed, search, why = self._delayed(_DELAY_SECONDS), self._search(), ""
        for pause in _SEARCH_PAUSES:
            stopped = self._cancellation.wait(pause)
            found = search.look(delayed)
            if isinstance(found, Found) and len(found.runs) == 1:
                return Success(found.runs[0])
            why = why_not(found)
            if stopped or isinstance(found, Refusal) or (isinstance(found, Found) and found.runs):
                break
        return Failure(RunUncertain(self._urls.pipeline_page(), f"the answer to the start was lost ({lost}), {why}"))

    def _search(self) -> Search:
        return Search(self._urls, self._service, self._parameters, self._sent_at)

    def _delayed(self, seconds: float) -> Cancellation:
        return _Delayed(self._cancellation, seconds, self._service.stopwatch)


def refused(found: Refusal, contract: str = "") -> PipelineRefused:
    """A refusal as a failure of the port; of parameters, it names the contract that fits better than ``contract``."""
    unexpected = [name for detail in found.details for name in _UNEXPECTED.findall(detail)]
    remedy = found.remedy
    if contract and unexpected:
        fitting, names = fitting_contract(unexpected), ", ".join(unexpected)
        remedy = f"declare {names} in the definition: every contract sends it"
        if fitting is not None and fitting != contract:
            remedy = f"set 'parameters: {fitting}' in ado-config, which does not send {names}, instead of {contract}"
    return PipelineRefused(found.where, found.reason, remedy, found.details)


@final
class _Delayed:
    """Implements ``Cancellation``: ``inner``, but its reason takes effect ``seconds`` after it is first seen."""

    def __init__(self, inner: Cancellation, seconds: float, stopwatch: Callable[[], float]) -> None:
        self._inner = inner
        self._seconds = seconds
        self._stopwatch = stopwatch
        self._seen_at: float | None = None

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        reason = self._inner.reason()
        if reason is None:
            return None
        now = self._stopwatch()
        if self._seen_at is None:
            self._seen_at = now
        return reason if now - self._seen_at >= self._seconds else None

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``; ends with the inner one, without delay."""
        return self._inner.wait(seconds)

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        left = self._inner.remaining()
        return None if left is None else left + self._seconds
