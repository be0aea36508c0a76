"""The logs of a run's tasks, printed while it continues: each line once, in the order of the pipeline.

The log of a task is read when the task before it is completed and its log is complete, so the lines of a job stay in
order. Logs of parallel jobs alternate.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, final

from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import LARGEST_REPORT_LOG
from image_builder_domain.report.pipeline_log import report_text
from returns.methods import unwrap_or_failure

from image_builder_adapters.azure_devops.answer import Refusal, as_object, as_objects, whole
from image_builder_adapters.azure_devops.log_cursor import LogCursor
from image_builder_adapters.azure_devops.service import RequestFailure, Service, TransientFailure
from image_builder_adapters.azure_devops.timeline import Chain, Record, report_rank
from image_builder_adapters.azure_devops.urls import PipelineUrls
from image_builder_adapters.http.client import BodySink, HttpAnswer, HttpRequest

_TRIES: Final = 3
"""How often a log that is shorter than the service says is read again: its count of lines is not exact."""


@final
class _Log:
    """One log: how far it was read, and how often no new line came although some were missing.

    ``is_skipped``: it was not read at the last look, because its listed number of lines was as before.
    """

    def __init__(self, output: OutputSink) -> None:
        self.cursor = LogCursor(output)
        self.listed: int | None = None
        self.idle = 0
        self.is_skipped = False
        self.is_done = False


@final
class _Tail:
    """Passes lines on and keeps the last ones, which contain the build report."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output
        self._blocks: deque[bytes] = deque()
        self._size = 0

    def __call__(self, lines: bytes) -> None:
        self._blocks.append(lines)
        self._size += len(lines)
        while self._size > LARGEST_REPORT_LOG:
            self._size -= len(self._blocks.popleft())
        self._output(lines)

    def text(self) -> str:
        return report_text(b"".join(self._blocks))


@final
class RunLogs:
    """The logs of one run; call :meth:`read` repeatedly."""

    def __init__(self, number: int, urls: PipelineUrls, service: Service, output: OutputSink) -> None:
        self._number = number
        self._urls = urls
        self._service = service
        self._output = output
        self._logs: dict[int, _Log] = {}
        self._tails: dict[int, tuple[Record, _Tail]] = {}

    @property
    def lines(self) -> int:
        """How many lines were printed so far."""
        return sum(log.cursor.lines for log in self._logs.values())

    def report_log(self) -> str:
        """The end of the log with the build report; of several such tasks, the last with the best name."""
        found = sorted(self._tails.values(), key=lambda each: (-(report_rank(each[0]) or 0), each[0].place))
        return found[-1][1].text() if found else ""

    def read(
        self, chains: tuple[Chain, ...], listed: Mapping[int, int], cancellation: Cancellation, *, completed: bool
    ) -> tuple[RequestFailure | None, bool]:
        """Print what is new: the first failure, and whether all logs are complete.

        With ``completed`` the run is over, so all its records count as completed.
        """
        failure, complete = None, True
        for chain in chains:
            for record in chain.records:
                is_over = completed or record.is_completed
                found = self._read(record, record.log, listed, cancellation, is_over) if record.log else None
                failure = failure or found
                if found is not None or not is_over or not self._is_done(record):
                    complete = False
                    break
        return failure, complete

    def _is_done(self, record: Record) -> bool:
        return record.log is None or self._logs[record.log].is_done

    def _read(
        self, record: Record, number: int, listed: Mapping[int, int], cancellation: Cancellation, is_over: bool
    ) -> RequestFailure | None:
        log, count = self._log(record, number), listed.get(number)
        if log.is_done:
            return None
        if not is_over and not log.is_skipped and count is not None and count == log.listed:
            log.is_skipped = True  # once only: the listed number may be early, late, or never change
            return None
        log.is_skipped = False
        before = log.cursor.lines
        failure = self._fetch(number, log.cursor, cancellation)
        if failure is None:
            log.listed = count
            log.idle = 0 if log.cursor.lines > before else log.idle + 1
            missing = count is None or log.cursor.lines < count
            log.is_done = is_over and (not missing or log.idle >= _TRIES)
        return failure

    def _log(self, record: Record, number: int) -> _Log:
        if number not in self._logs:
            output = self._output
            if report_rank(record) is not None:
                output = tail = _Tail(self._output)
                self._tails[number] = record, tail
            self._logs[number] = _Log(output)
        return self._logs[number]

    def _fetch(self, number: int, cursor: LogCursor, cancellation: Cancellation) -> RequestFailure | None:
        url = self._urls.log(self._number, number, cursor.begin())
        sink = BodySink(lambda head: head.media_type == "text/plain", cursor.take)
        request = HttpRequest("GET", url, (("Accept", "text/plain"),))
        found = unwrap_or_failure(self._service.once(request, cancellation, sink))
        if not isinstance(found, HttpAnswer):
            if isinstance(found, Refusal) and found.status == 404:  # a log is listed before it can be read
                return TransientFailure(found.where, found.reason, may_have_arrived=True, is_missing=True)
            return found
        if found.media_type != "text/plain":
            return None if found.status == 204 else TransientFailure(url, "the log is not text", may_have_arrived=True)
        cursor.end()
        return None


def read_list(content: Any) -> dict[int, int]:
    """The number of lines of each log that the service lists; it is not exact."""
    listed = as_objects(as_object(content).get("value"))
    numbered = ((whole(each.get("id")), each.get("lineCount")) for each in listed)
    return {number: count for number, count in numbered if number is not None and isinstance(count, int)}
