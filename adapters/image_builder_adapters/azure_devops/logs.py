"""The logs of a run, printed while it goes on: those of its tasks, each line once, in the order of the pipeline.

The next task of a job is read when the one before is completed and read to its end, so lines never overtake each other
within a job; jobs that run side by side alternate.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, final

from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import LARGEST_REPORT_LOG
from image_builder_domain.report.pipeline_log import report_text
from returns.methods import unwrap_or_failure

from image_builder_adapters.azure_devops.answer import Refusal, media_type, whole
from image_builder_adapters.azure_devops.log_cursor import LogCursor
from image_builder_adapters.azure_devops.service import Service, Trouble, Unsettled
from image_builder_adapters.azure_devops.timeline import Chain, Record, report_rank
from image_builder_adapters.azure_devops.urls import Address
from image_builder_adapters.http.client import BodySink, HttpAnswer, HttpRequest

_TRIES: Final = 3
"""How often a log that is shorter than the service says is read again: its count of lines is not exact."""


@final
class _Log:
    """One log: how far it was read, and how often nothing new came although there should be more."""

    def __init__(self, output: OutputSink) -> None:
        self.cursor = LogCursor(output)
        self.listed: int | None = None
        self.idle = 0
        self.is_done = False


@final
class _Tail:
    """Hands lines on, and keeps the end of them: the build report stands there."""

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
    """The logs of one run; :meth:`read` is called again and again."""

    def __init__(self, number: int, address: Address, service: Service, output: OutputSink) -> None:
        self._number = number
        self._address = address
        self._service = service
        self._output = output
        self._logs: dict[int, _Log] = {}
        self._tails: dict[int, tuple[Record, _Tail]] = {}

    @property
    def lines(self) -> int:
        """How many lines were printed so far."""
        return sum(log.cursor.lines for log in self._logs.values())

    def report_log(self) -> str:
        """The end of the log of the task that prints the build report; of several, the last of the best name."""
        found = sorted(self._tails.values(), key=lambda each: (-(report_rank(each[0]) or 0), each[0].place))
        return found[-1][1].text() if found else ""

    def read(
        self, chains: tuple[Chain, ...], listed: Mapping[int, int], cancellation: Cancellation, *, completed: bool
    ) -> tuple[Trouble | None, bool]:
        """Print what is new. The first trouble, and whether everything that there is was read to its end.

        ``completed`` says that the run is over, and so are all its records, whatever they say.
        """
        trouble, complete = None, True
        for chain in chains:
            for record in chain.records:
                is_over = completed or record.is_completed
                found = self._read(record, record.log, listed, cancellation, is_over) if record.log else None
                trouble = trouble or found
                if found is not None or not is_over or not self._is_done(record):
                    complete = False
                    break
        return trouble, complete

    def _is_done(self, record: Record) -> bool:
        return record.log is None or self._logs[record.log].is_done

    def _read(
        self, record: Record, number: int, listed: Mapping[int, int], cancellation: Cancellation, is_over: bool
    ) -> Trouble | None:
        log, count = self._log(record, number), listed.get(number)
        if log.is_done or (not is_over and count is not None and count == log.listed):
            return None
        before = log.cursor.lines
        trouble = self._fetch(number, log.cursor, cancellation)
        if trouble is None:
            log.listed = count
            log.idle = 0 if log.cursor.lines > before else log.idle + 1
            missing = count is None or log.cursor.lines < count
            log.is_done = is_over and (not missing or log.idle >= _TRIES)
        return trouble

    def _log(self, record: Record, number: int) -> _Log:
        if number not in self._logs:
            output = self._output
            if report_rank(record) is not None:
                output = tail = _Tail(self._output)
                self._tails[number] = record, tail
            self._logs[number] = _Log(output)
        return self._logs[number]

    def _fetch(self, number: int, cursor: LogCursor, cancellation: Cancellation) -> Trouble | None:
        url = self._address.log(self._number, number, cursor.begin())
        sink = BodySink(lambda head: media_type(head) == "text/plain", cursor.take)
        request = HttpRequest("GET", url, (("Accept", "text/plain"),))
        found = unwrap_or_failure(self._service.once(request, cancellation, sink))
        if not isinstance(found, HttpAnswer):
            # A log may be listed before it can be read.
            if isinstance(found, Refusal) and found.status == 404:
                return Unsettled(found.where, found.reason, may_have_arrived=True, is_missing=True)
            return found
        if media_type(found) != "text/plain":
            return None if found.status == 204 else Unsettled(url, "the log is no text", may_have_arrived=True)
        cursor.end()
        return None


def read_list(content: Any) -> dict[int, int]:
    """The number of lines of each log that the service lists; a hint, for it is not exact."""
    value = content.get("value") if isinstance(content, dict) else None
    found = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    numbered = ((whole(each.get("id")), each.get("lineCount")) for each in found)
    return {number: count for number, count in numbered if number is not None and isinstance(count, int)}
