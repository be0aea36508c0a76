"""The run that a lost request may have started, searched among the newest builds of the pipeline.

The list of builds can be limited by time and number; it does not always show the parameters of a run, so those of a
few builds are read one by one. At most 5 MiB are read. The time is that of the service's clock, which its answers give.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, final

from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import Parameter, Run
from returns.methods import unwrap_or_failure

from image_builder_adapters.azure_devops.answer import Refusal, as_object, as_objects, read_object, whole
from image_builder_adapters.azure_devops.service import RequestFailure, Service, TransientFailure
from image_builder_adapters.azure_devops.urls import PipelineUrls
from image_builder_adapters.http.client import HttpAnswer, HttpRequest, shown_url
from image_builder_adapters.http.retry import http_date_seconds

_SLACK_SECONDS: Final = 2.0  # the clock in an answer has whole seconds
_MOST_BUILDS: Final = 50
_MOST_READ: Final = 10
_LARGEST_LIST: Final = 2 * 1024 * 1024
_LARGEST_RUN: Final = 256 * 1024


@final
@dataclass(frozen=True, slots=True)
class Found:
    """The runs since the request that have its parameters, and how many others have parameters that nobody can tell."""

    runs: tuple[Run, ...]
    untold: int = 0


@final
class Search:
    """Searches for the run of one request, sent at ``sent_at`` by the service's stopwatch."""

    def __init__(self, urls: PipelineUrls, service: Service, parameters: tuple[Parameter, ...], sent_at: float) -> None:
        self._urls = urls
        self._service = service
        self._parameters = parameters
        self._sent_at = sent_at
        self._since: float | None = None

    def look(self, cancellation: Cancellation) -> Found | RequestFailure:
        """Search once."""
        since = self._begin(cancellation)
        if not isinstance(since, float | int):
            return since
        listed = self._get(self._urls.builds(_MOST_BUILDS, _written(since)), _LARGEST_LIST, cancellation)
        if not isinstance(listed, HttpAnswer):
            return listed
        builds = as_objects(read_object(listed.body).get("value"))
        recent = [each for each in builds if (moment(each.get("queueTime")) or since) >= since]
        runs, untold = list[Run](), max(0, len(recent) - _MOST_READ)
        for build in recent[:_MOST_READ]:
            run = read_run(build, self._urls)
            echoed = self._parameters_of(build, run, cancellation) if run is not None else None
            if isinstance(echoed, TransientFailure):
                return echoed
            if run is None or echoed is None:
                untold += 1
            elif _is_ours(echoed, self._parameters):
                runs.append(run)
        return Found(tuple(runs), untold)

    def _begin(self, cancellation: Cancellation) -> float | RequestFailure:
        """When the request was sent, by the service's clock."""
        if self._since is not None:
            return self._since
        url = self._urls.builds(1)
        answer = self._get(url, _LARGEST_LIST, cancellation)
        if not isinstance(answer, HttpAnswer):
            return answer
        now = http_date_seconds(answer.header("date") or "")
        if now is None:
            return TransientFailure(shown_url(url), "the answer has no date", may_have_arrived=True)
        self._since = now - (self._service.stopwatch() - self._sent_at) - _SLACK_SECONDS
        return self._since

    def _parameters_of(
        self, build: dict[str, Any], run: Run, cancellation: Cancellation
    ) -> dict[str, Any] | TransientFailure | None:
        """The parameters of a build, which a run may show if the build does not; None if neither does."""
        echoed = build.get("templateParameters")
        if isinstance(echoed, dict) and echoed:
            return echoed
        answer = self._get(self._urls.run(run.number), _LARGEST_RUN, cancellation)
        if isinstance(answer, TransientFailure):
            return answer
        shown = read_object(answer.body).get("templateParameters") if isinstance(answer, HttpAnswer) else None
        return shown if isinstance(shown, dict) else None

    def _get(self, url: str, limit_bytes: int, cancellation: Cancellation) -> HttpAnswer | RequestFailure:
        request = HttpRequest("GET", url, (("Accept", "application/json"),))
        sent = self._service.send(request, cancellation, limit_bytes)
        return unwrap_or_failure(self._service.judged(url, sent, cancellation))


def why_not(found: Found | RequestFailure) -> str:
    """Why a search did not give exactly one run."""
    if not isinstance(found, Found):
        return f"and it cannot be searched: {found.reason if isinstance(found, Refusal) else found}"
    if len(found.runs) > 1:
        return f"{len(found.runs)} runs were started with these parameters since then"
    if found.untold:
        runs = "a run" if found.untold == 1 else f"{found.untold} runs"
        return f"the service does not show the parameters of {runs} since then"
    return "no run since then has these parameters"


def read_run(content: object, urls: PipelineUrls) -> Run | None:
    """A started run; None if it has no number, or the -1 of a preview."""
    number = whole(as_object(content).get("id"))
    return Run(number, urls.page(number)) if number is not None else None


def _is_ours(echoed: Mapping[str, Any], parameters: tuple[Parameter, ...]) -> bool:
    """Whether these are exactly our parameters; the service may mask a secret, and have names in another case."""
    values = {name.lower(): value for name, value in echoed.items()}
    if values.keys() != {each.name.lower() for each in parameters}:
        return False
    return all(each.is_secret or _same(values[each.name.lower()], each.value) for each in parameters)


def _same(echoed: object, sent: str) -> bool:
    """The service may return a boolean as JSON's own."""
    return echoed == sent or (isinstance(echoed, bool) and str(echoed).lower() == sent)


def moment(value: object) -> float | None:
    """Seconds since 1970 of ``2026-05-04T08:15:30.1234567Z`` with up to 7 digits of a fraction; None for no time."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?Z", value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        seconds = datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return seconds + float(found[2] or 0)


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
