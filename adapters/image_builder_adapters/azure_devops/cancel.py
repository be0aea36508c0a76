"""Canceling a run: one request and at most one repetition, within five seconds."""

import json
import time
from typing import Final

from image_builder_domain.remote_pipeline import PipelineInterrupted, Run
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import Refusal, read_object, word
from image_builder_adapters.azure_devops.service import Service, TransientFailure
from image_builder_adapters.azure_devops.start import JSON_HEADERS
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.http.client import HttpAnswer, HttpRequest

_SECONDS: Final = (2.0, 2.0)
_PAUSE_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 1.0


def cancel(run: Run, url: str, service: Service) -> Result[None, str]:
    """Request the end of the build at ``url``; the reason if that failed."""
    request = HttpRequest("PATCH", url, JSON_HEADERS, json.dumps({"status": "cancelling"}).encode())
    reason, pause = "", 0.0
    for seconds in _SECONDS:
        time.sleep(pause)
        found = unwrap_or_failure(service.once(request, ScopedCancellation(seconds=seconds), urgent=True))
        match found:
            case HttpAnswer():
                return Success(None)
            case Refusal(status=400 | 409) if _is_over(url, service):
                return Success(None)
            case Refusal() if found.status != 404:  # the service may not know a run yet that was just started
                return Failure(str(found))
            case Refusal() | TransientFailure():
                reason, pause = found.reason, _PAUSE_SECONDS
            case PipelineInterrupted():
                reason, pause = f"run {run.number}: no answer within {seconds:g} s", 0.0
    return Failure(reason)


def _is_over(url: str, service: Service) -> bool:
    """Whether the build is completed, so that there is nothing to cancel. The text of a refusal does not tell."""
    request = HttpRequest("GET", url, (("Accept", "application/json"),))
    found = unwrap_or_failure(service.once(request, ScopedCancellation(seconds=_LOOK_SECONDS), urgent=True))
    return isinstance(found, HttpAnswer) and word(read_object(found.body).get("status")) == "completed"
