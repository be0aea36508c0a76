"""Following a run to its end: its state, its timeline and its logs are read once in each refresh interval.

Failed requests are tolerated for ten minutes, or for the configured number of attempts if that takes longer. Once the
run is completed, its logs are read until a minute goes by without a new line. Only ``completed`` and ``succeeded`` is
success, and the Build must confirm it: a Run does not show ``partiallySucceeded``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import FinishedRun, FollowFailure, PipelineInterrupted, Run, RunLost, Verdict
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import Refusal, messages_of, word
from image_builder_adapters.azure_devops.logs import RunLogs, read_list
from image_builder_adapters.azure_devops.patience import Patience
from image_builder_adapters.azure_devops.service import RequestFailure, Service, TransientFailure
from image_builder_adapters.azure_devops.timeline import Chain, Record, chains, failures, read_timeline
from image_builder_adapters.azure_devops.urls import PipelineUrls
from image_builder_adapters.azure_devops.waiting import Waiting
from image_builder_adapters.http.retry import RetryPolicy

_LONGEST_SECONDS: Final = 600.0
"""How long requests may fail; longer only if the configuration asks for more attempts."""

_EARLY_SECONDS: Final = 60.0
"""How long a resource that should exist may be missing, or refused."""

_DRAIN_PAUSE, _LONGEST_DRAIN_PAUSE = 2.0, 10.0
_DRAIN_SECONDS: Final = 45.0
_REST_SECONDS: Final = 15.0
"""How long the logs of a completed run are read without any new line: in their order, then each that can be read."""

_EMPTY_READS: Final = 3
_WORDS: Final = {
    "succeeded": Verdict.SUCCEEDED,
    "partiallysucceeded": Verdict.PARTIALLY_SUCCEEDED,
    "failed": Verdict.FAILED,
    "canceled": Verdict.CANCELED,
}


@final
@dataclass(frozen=True, slots=True)
class _State:
    """State and result of a Run, in lower case."""

    state: str
    result: str


@final
class Follower:
    """Follows one run; ``notify`` gets messages for people about requests that fail."""

    def __init__(
        self,
        run: Run,
        urls: PipelineUrls,
        service: Service,
        output: OutputSink,
        refresh_seconds: float,
        notify: Callable[[str], None],
    ) -> None:
        self._run = run
        self._urls = urls
        self._service = service
        self._output = output
        self._patience: Patience | None = None
        self._logs = RunLogs(run.number, urls, service, self._print)
        self._waiting = Waiting(run, urls, service, notify)
        self._refresh = refresh_seconds
        self._failed = _Failures("the run", service.policy, service.stopwatch, notify)
        self._failed_logs = _Failures("the run's logs", service.policy, service.stopwatch, notify)
        self._records: tuple[Record, ...] = ()
        self._empty_reads = 0
        self._has_succeeded = False

    def follow(self, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        """Wait for the end of the run. Its state is read first, so logs read after ``completed`` are complete."""
        started, pause = self._service.stopwatch(), self._refresh
        while not cancellation.wait(pause):
            is_early = self._service.stopwatch() - started < _EARLY_SECONDS
            state = self._state(cancellation, is_early=is_early)
            if isinstance(state, (PipelineInterrupted, RunLost)):
                return Failure(state)
            if isinstance(state, (TransientFailure, Refusal)):
                pause = self._failed.pause_seconds
                continue
            if state.state == "completed":
                return self._ended(state, cancellation)
            self._look(cancellation, completed=False)
            pause = max(self._refresh, self._failed_logs.pause_seconds)
        return Failure(PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE))

    def _print(self, lines: bytes) -> None:
        if self._patience is not None:
            self._patience.renew()
        self._output(lines)

    # --- one look -------------------------------------------------------------------------------------------------

    def _state(
        self, cancellation: Cancellation, *, is_early: bool
    ) -> _State | TransientFailure | Refusal | RunLost | PipelineInterrupted:
        found = unwrap_or_failure(self._service.get(self._urls.run(self._run.number), cancellation))
        if isinstance(found, PipelineInterrupted):
            return found
        if isinstance(found, Refusal) and not (found.is_sign_in or (found.status == 404 and is_early)):
            return RunLost(self._run, str(found))
        if isinstance(found, dict):
            if state := word(found.get("state")):
                self._failed.clear()
                return _State(state, word(found.get("result")))
            found = TransientFailure(self._run.url, "the answer has no state", may_have_arrived=True)
        self._failed.add(found)
        if not self._failed.are_too_many:
            return found
        return RunLost(self._run, f"no usable answer for {self._failed.seconds:.0f} s; the last failure: {found}")

    def _look(self, cancellation: Cancellation, *, completed: bool) -> bool:
        """Print what is new in the logs; True if all of them are complete. Failures to read them do not end the run."""
        before = self._logs.lines
        failure, drained = self._print_once(cancellation, completed=completed)
        if failure is None or self._logs.lines > before:
            self._failed_logs.clear()
        if failure is not None and not isinstance(failure, PipelineInterrupted):
            self._failed_logs.add(failure)
        return drained

    def _print_once(self, cancellation: Cancellation, *, completed: bool) -> tuple[RequestFailure | None, bool]:
        timeline = unwrap_or_failure(self._service.get(self._urls.timeline(self._run.number), cancellation))
        if isinstance(timeline, (TransientFailure, Refusal, PipelineInterrupted)):
            return timeline, False
        self._records = read_timeline(timeline) or self._records
        if not completed:
            self._waiting.look(self._records, cancellation)
        printable = chains(self._records, completed=completed)
        if not any(record.log is not None for chain in printable for record in chain.records):
            return None, completed and self._has_nothing_to_print()
        listed = unwrap_or_failure(self._service.get(self._urls.logs(self._run.number), cancellation))
        if isinstance(listed, PipelineInterrupted):
            return listed, False
        counts = {} if isinstance(listed, (TransientFailure, Refusal)) else read_list(listed)
        return self._logs.read(printable, counts, cancellation, completed=completed)

    def _has_nothing_to_print(self) -> bool:
        """Whether the run ended without any task. Records may arrive late, so this must be seen several times.

        A run that succeeded has records.
        """
        self._empty_reads += 1
        if self._has_succeeded and not self._records:
            return False
        ran = any(each.kind == "task" and each.result not in ("", "skipped") for each in self._records)
        return not ran and self._empty_reads >= _EMPTY_READS

    # --- the end --------------------------------------------------------------------------------------------------

    def _ended(self, state: _State, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        self._has_succeeded = state.result == "succeeded"
        is_complete = self._drained(cancellation)
        build = self._build(cancellation)
        reason = cancellation.reason()
        if reason is not None:
            return Failure(PipelineInterrupted(reason, is_over=True))
        fields = build if isinstance(build, dict) else {}
        verdict, said = _verdict(state.result, fields)
        notes = list(messages_of(fields.get("validationResults")))
        if not isinstance(build, dict):
            notes.append(f"the run's result cannot be confirmed: {build}")
        if not is_complete:
            notes.append("the logs could not be read to their end")
        failed = (*self._waiting.refusals(self._records, cancellation), *failures(self._records))
        return Success(FinishedRun(self._run, verdict, said, failed, tuple(notes), self._logs.report_log()))

    def _drained(self, cancellation: Cancellation) -> bool:
        """Read the logs of a completed run to their end; False if that fails for a minute without any new line."""
        self._patience = patience = Patience(cancellation, _DRAIN_SECONDS, self._service.stopwatch)
        while not self._look(patience, completed=True):
            pause = max(min(self._refresh, _DRAIN_PAUSE), min(self._failed_logs.pause_seconds, _LONGEST_DRAIN_PAUSE))
            if patience.wait(pause):
                self._read_the_rest(cancellation)
                return False
        return True

    def _read_the_rest(self, cancellation: Cancellation) -> None:
        """Try each log once more: one that cannot be read must not hide the others and the report."""
        self._patience = patience = Patience(cancellation, _REST_SECONDS, self._service.stopwatch)
        for chain in chains(self._records, completed=True):
            for record in chain.records:
                if patience.reason() is None:
                    self._logs.read((Chain(chain.job, (record,)),), {}, patience, completed=True)

    def _build(self, cancellation: Cancellation) -> Any:
        """The run as a build, or why it cannot be read; repeated for a while until the build is completed too."""
        failed = _Failures("the build", self._service.policy, self._service.stopwatch, lambda _: None)
        while True:
            found = unwrap_or_failure(self._service.get(self._urls.build(self._run.number), cancellation))
            if isinstance(found, PipelineInterrupted) or (isinstance(found, Refusal) and not found.is_sign_in):
                return found
            if isinstance(found, dict):
                if word(found.get("status")) == "completed":
                    return found
                failed.add(TransientFailure(self._run.url, "the build is not completed", True, is_missing=True))
            else:
                failed.add(found)
            if failed.are_too_many:
                return found
            if cancellation.wait(failed.pause_seconds):
                return PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE)


def _verdict(result: str, build: dict[str, Any]) -> tuple[Verdict, str]:
    """Success only if run and build agree on it; otherwise the build's result counts, which is more precise."""
    built = word(build.get("result"))
    said = f"result {result or 'missing'}" + (f", as a build {built or 'missing'}" if built != result else "")
    if result == built == "succeeded":
        is_over = word(build.get("status")) == "completed"
        return (Verdict.SUCCEEDED, said) if is_over else (Verdict.UNKNOWN, f"{said}, which is not completed")
    verdict = _WORDS.get(built or result, Verdict.UNKNOWN)
    return Verdict.UNKNOWN if verdict is Verdict.SUCCEEDED else verdict, said


@final
class _Failures:
    """Requests for ``what`` that failed in a row. ``notify`` gets a message at the second one, and after the last."""

    def __init__(
        self, what: str, policy: RetryPolicy, stopwatch: Callable[[], float], notify: Callable[[str], None]
    ) -> None:
        self._what = what
        self._policy = policy
        self._stopwatch = stopwatch
        self._notify = notify
        self._since: float | None = None
        self._count = 0
        self._pause = 0.0
        self._last: RequestFailure | None = None

    def add(self, failure: RequestFailure) -> None:
        """Another request failed."""
        if self._since is None:
            self._since = self._stopwatch()
        self._count += 1
        self._last = failure
        asked = failure.asked_seconds if isinstance(failure, TransientFailure) else None
        self._pause = self._policy.pause(self._count, asked)
        if self._count == 2:
            self._notify(f"{self._what} cannot be read: {failure}; trying again while the run continues")

    def clear(self) -> None:
        """A request succeeded."""
        if self._count > 1:
            self._notify(f"{self._what} can be read again")
        self._since, self._count, self._pause, self._last = None, 0, 0.0, None

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt; 0 without a failure."""
        return self._pause

    @property
    def seconds(self) -> float:
        """The time since the first failure."""
        return 0.0 if self._since is None else self._stopwatch() - self._since

    @property
    def are_too_many(self) -> bool:
        """Whether there have been no good answers for too long."""
        if self._since is None:
            return False
        if not isinstance(self._last, TransientFailure) or self._last.is_missing:
            return self.seconds >= _EARLY_SECONDS
        return self.seconds >= _LONGEST_SECONDS and self._count >= self._policy.attempts
