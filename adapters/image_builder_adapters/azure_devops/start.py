"""Starting a run: once, never twice.

The request is repeated only when it certainly did nothing: it never left, or was turned away (429, or a token that had
to be renewed). After any other lost answer the run that it may have started is looked for among the newest runs, by
its parameters and the time; the service's own clock counts, as it stands in the answer.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, final

from image_builder_domain.exit_code import Interruption
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

from image_builder_adapters.azure_devops.answer import LARGEST_JSON, NoJson, Refusal, no_json, read_json, whole
from image_builder_adapters.azure_devops.service import Service, Trouble, Unsettled
from image_builder_adapters.azure_devops.urls import Address
from image_builder_adapters.http.client import HttpAnswer, HttpRequest, NoAnswer, NoAnswerKind, shown_url
from image_builder_adapters.http.retry import http_date_seconds

JSON_HEADERS: Final = (("Content-Type", "application/json; charset=utf-8"), ("Accept", "application/json"))
_GRACE_SECONDS: Final = 2.0
_SEARCH_PAUSES: Final = (1.0, 3.0, 6.0, 10.0, 10.0)
_SLACK_SECONDS: Final = 2.0  # the clock in an answer has whole seconds


def start_body(parameters: tuple[Parameter, ...], *, shown: bool = False) -> str:
    """The body that starts a run; ``shown`` hides secrets."""
    return json.dumps({"templateParameters": {each.name: each.shown if shown else each.value for each in parameters}})


@final
class Starter:
    """Starts one run."""

    def __init__(self, address: Address, service: Service) -> None:
        self._address = address
        self._service = service

    def start(self, parameters: tuple[Parameter, ...], cancellation: Cancellation) -> Result[Run, StartFailure]:
        """Implement ``RemotePipeline.start``."""
        policy, attempts = self._service.policy, 0
        body = start_body(parameters).encode()
        request = HttpRequest("POST", self._address.start(), JSON_HEADERS, body)
        while True:
            if cancellation.reason() is not None:
                return Failure(_interrupted(cancellation))
            sent_at = self._service.stopwatch()
            # Whoever stops the work needs the number of the run that this request starts, to cancel it.
            late = _Delayed(cancellation, _GRACE_SECONDS, self._service.stopwatch)
            raw = self._service.send(request, late, LARGEST_JSON)
            lost = unwrap_or_failure(raw)
            if isinstance(lost, NoAnswer) and lost.kind is NoAnswerKind.STOPPED:
                if lost.may_have_arrived:
                    return self._after_interruption(parameters, sent_at, cancellation)
                return Failure(_interrupted(cancellation))
            found = unwrap_or_failure(self._service.judged(request.url, raw, cancellation))
            attempts += 1
            if isinstance(found, HttpAnswer):
                return self._started(found, parameters, sent_at, cancellation)
            if isinstance(found, Refusal):
                return Failure(refused(found))
            if isinstance(found, PipelineInterrupted):
                return Failure(found)
            if found.may_have_arrived:
                return self._search(found, parameters, sent_at, cancellation)
            if attempts >= policy.attempts:
                return Failure(PipelineUnreachable(found.where, found.reason))
            if cancellation.wait(policy.pause(attempts, found.asked_seconds)):
                return Failure(_interrupted(cancellation))

    def _started(
        self, answer: HttpAnswer, parameters: tuple[Parameter, ...], sent_at: float, cancellation: Cancellation
    ) -> Result[Run, StartFailure]:
        content = read_json(answer.body)
        run = read_run(content, self._address)
        if run is not None:
            return Success(run)
        where = shown_url(self._address.start())
        if isinstance(content, NoJson) and content.cut_short:
            return self._search(Unsettled(where, "the answer was cut short", True), parameters, sent_at, cancellation)
        found = no_json(where)
        return Failure(RunUncertain(where, f"{found.reason} (no run with a number); {found.remedy}"))

    # --- the run that may have been started -----------------------------------------------------------------------

    def _after_interruption(
        self, parameters: tuple[Parameter, ...], sent_at: float, cancellation: Cancellation
    ) -> Result[Run, StartFailure]:
        """Work stopped while the request was out: one quick look, for somebody waits for our end."""
        late = _Delayed(cancellation, _GRACE_SECONDS / 2, self._service.stopwatch)
        runs = self._candidates(parameters, sent_at, late)
        if isinstance(runs, list) and len(runs) == 1:
            return Success(runs[0])
        reason = "the work was stopped before the start was answered"
        return Failure(RunUncertain(self._address.pipeline_page(), reason))

    def _search(
        self, lost: Unsettled, parameters: tuple[Parameter, ...], sent_at: float, cancellation: Cancellation
    ) -> Result[Run, StartFailure]:
        """Look a few times: the request may still be under way. Two runs that fit are as good as none."""
        late = _Delayed(cancellation, _GRACE_SECONDS, self._service.stopwatch)
        why = "it is not among the newest runs"
        for pause in _SEARCH_PAUSES:
            stopped = cancellation.wait(pause)
            runs = self._candidates(parameters, sent_at, late)
            if isinstance(runs, list) and len(runs) == 1:
                return Success(runs[0])
            if isinstance(runs, list) and runs:
                why = f"{len(runs)} runs were started with these parameters since then"
                break
            if not isinstance(runs, list):
                why = f"and it cannot be looked for: {runs}"
            if stopped or isinstance(runs, Refusal):
                break
        return Failure(
            RunUncertain(self._address.pipeline_page(), f"the answer to the start was lost ({lost.reason}), {why}")
        )

    def _candidates(
        self, parameters: tuple[Parameter, ...], sent_at: float, cancellation: Cancellation
    ) -> list[Run] | Trouble:
        request = HttpRequest("GET", self._address.runs(), (("Accept", "application/json"),))
        answer = unwrap_or_failure(self._service.once(request, cancellation))
        if not isinstance(answer, HttpAnswer):
            return answer
        now = http_date_seconds(answer.header("date") or "")
        if now is None:
            return Unsettled(shown_url(request.url), "the answer has no date", may_have_arrived=True)
        since = now - (self._service.stopwatch() - sent_at) - _SLACK_SECONDS
        content = read_json(answer.body)
        value = content.get("value") if isinstance(content, dict) else None
        fitting = (each for each in (value if isinstance(value, list) else []) if _fits(each, parameters, since))
        return [run for run in (read_run(each, self._address) for each in fitting) if run is not None]


def read_run(content: Any, address: Address) -> Run | None:
    """A started run; None when it has no number, or the -1 of a preview."""
    number = whole(content.get("id")) if isinstance(content, dict) else None
    if number is None:
        return None
    return Run(number, address.page(number))


def refused(found: Refusal) -> PipelineRefused:
    """A refusal as the port tells it."""
    return PipelineRefused(found.where, found.reason, found.remedy, found.details)


def _interrupted(cancellation: Cancellation) -> PipelineInterrupted:
    return PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE)


def _fits(run: Any, parameters: tuple[Parameter, ...], since: float) -> bool:
    """Whether a run has exactly our parameters (a secret may come back masked) and is young enough to be ours."""
    echoed = run.get("templateParameters") if isinstance(run, dict) else None
    if not isinstance(echoed, dict) or echoed.keys() != {each.name for each in parameters}:
        return False
    created = moment(run.get("createdDate"))
    is_same = all(each.is_secret or _same(echoed[each.name], each.value) for each in parameters)
    return is_same and created is not None and created >= since


def _same(echoed: Any, sent: str) -> bool:
    """The service may give a boolean back as one."""
    return echoed == sent or (isinstance(echoed, bool) and str(echoed).lower() == sent)


def moment(value: Any) -> float | None:
    """Seconds since 1970 of ``2026-05-04T08:15:30.1234567Z`` with 0 to 7 digits of a fraction; None for no value."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?Z", value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        whole_seconds = datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return whole_seconds + float(found[2] or 0)


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
