"""Following a run to its end: its state, its timeline and its logs, looked at once in each refresh interval.

An outage is survived for ten minutes, or for as many attempts as the configuration asks for when that is longer; any
answer ends it. Only ``completed`` and ``succeeded`` is success, and the Build must say so too: a Run cannot tell
``partiallySucceeded``.
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
from image_builder_adapters.azure_devops.service import Service, Trouble, Unsettled
from image_builder_adapters.azure_devops.timeline import Chain, Record, chains, failures, read_timeline
from image_builder_adapters.azure_devops.urls import Address
from image_builder_adapters.http.retry import RetryPolicy

OUTAGE_SECONDS: Final = 600.0
"""How long an outage may last; longer only if the configuration asks for more attempts."""

EARLY_SECONDS: Final = 60.0
"""How long something may be missing, or refused, that should be there."""


@final
class Outage:
    """One outage at a time; ``notify`` hears of its beginning (at the second failure) and of its end."""

    def __init__(
        self, what: str, policy: RetryPolicy, stopwatch: Callable[[], float], notify: Callable[[str], None]
    ) -> None:
        self._what = what
        self._policy = policy
        self._stopwatch = stopwatch
        self._notify = notify
        self._since: float | None = None
        self._failures = 0
        self._pause = 0.0
        self._last: Trouble | None = None

    def begin(self, trouble: Trouble) -> None:
        """Another attempt failed."""
        if self._since is None:
            self._since = self._stopwatch()
        self._failures += 1
        self._last = trouble
        asked = trouble.asked_seconds if isinstance(trouble, Unsettled) else None
        self._pause = self._policy.pause(self._failures, asked)
        if self._failures == 2:
            self._notify(f"{self._what} cannot be read: {trouble}; trying again while the run goes on")

    def end(self) -> None:
        """An answer came."""
        if self._failures > 1:
            self._notify(f"{self._what} can be read again")
        self._since, self._failures, self._pause, self._last = None, 0, 0.0, None

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt; 0 without an outage."""
        return self._pause

    @property
    def lasted_seconds(self) -> float:
        """How long it has lasted."""
        return 0.0 if self._since is None else self._stopwatch() - self._since

    @property
    def is_hopeless(self) -> bool:
        """Whether it has lasted too long."""
        if self._since is None:
            return False
        if not isinstance(self._last, Unsettled) or self._last.is_missing:
            return self.lasted_seconds >= EARLY_SECONDS
        return self.lasted_seconds >= OUTAGE_SECONDS and self._failures >= self._policy.attempts


_DRAIN_PAUSE: Final = 2.0
_EMPTY_LOOKS: Final = 3
_WORDS: Final = {
    "succeeded": Verdict.SUCCEEDED,
    "partiallysucceeded": Verdict.PARTIALLY_SUCCEEDED,
    "failed": Verdict.FAILED,
    "canceled": Verdict.CANCELED,
}


@final
@dataclass(frozen=True, slots=True)
class _State:
    """What a Run says of itself, in lower case."""

    state: str
    result: str


@final
class Follower:
    """Follows one run; ``notify`` hears of outages, for people."""

    def __init__(
        self,
        run: Run,
        address: Address,
        service: Service,
        output: OutputSink,
        refresh_seconds: float,
        notify: Callable[[str], None],
    ) -> None:
        self._run = run
        self._address = address
        self._service = service
        self._logs = RunLogs(run.number, address, service, output)
        self._refresh = refresh_seconds
        self._outage = Outage("the run", service.policy, service.stopwatch, notify)
        self._log_outage = Outage("the run's logs", service.policy, service.stopwatch, notify)
        self._records: tuple[Record, ...] = ()
        self._empty_looks = 0

    def follow(self, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        """Wait for the end of the run: its state is read first, so what is read after ``completed`` is complete."""
        started, completed_at, pause = self._service.stopwatch(), None, self._refresh
        while not cancellation.wait(pause):
            is_early = self._service.stopwatch() - started < EARLY_SECONDS
            state = self._state(cancellation, is_early=is_early)
            if isinstance(state, (PipelineInterrupted, RunLost)):
                return Failure(state)
            if isinstance(state, (Unsettled, Refusal)):
                pause = self._outage.pause_seconds
                continue
            drained = self._print(cancellation, completed=state.state == "completed")
            if isinstance(drained, PipelineInterrupted):
                return Failure(drained)
            pause = max(self._refresh, self._log_outage.pause_seconds)
            if state.state == "completed":
                now = self._service.stopwatch()
                completed_at = now if completed_at is None else completed_at
                waited = now - completed_at >= EARLY_SECONDS and not self._log_outage.pause_seconds
                if drained or waited or self._log_outage.is_hopeless:
                    if not drained:
                        self._read_the_rest(cancellation)
                    return self._finished(state, cancellation, drained=drained)
                pause = max(min(self._refresh, _DRAIN_PAUSE), self._log_outage.pause_seconds)
        return Failure(PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE))

    # --- one look -------------------------------------------------------------------------------------------------

    def _state(
        self, cancellation: Cancellation, *, is_early: bool
    ) -> _State | Unsettled | Refusal | RunLost | PipelineInterrupted:
        found = unwrap_or_failure(self._service.get(self._address.run(self._run.number), cancellation))
        if isinstance(found, PipelineInterrupted):
            return found
        if isinstance(found, Refusal) and not (found.is_sign_in or (found.status == 404 and is_early)):
            return RunLost(self._run, str(found))
        if isinstance(found, dict) and word(found.get("state")):
            self._outage.end()
            return _State(word(found["state"]), word(found.get("result")))
        is_known = isinstance(found, (Unsettled, Refusal))
        trouble = found if is_known else Unsettled(self._run.url, "the answer tells no state", may_have_arrived=True)
        self._outage.begin(trouble)
        if not self._outage.is_hopeless:
            return trouble
        return RunLost(self._run, f"no usable answer for {self._outage.lasted_seconds:.0f} s, at last: {trouble}")

    def _print(self, cancellation: Cancellation, *, completed: bool) -> bool | PipelineInterrupted:
        """Whether everything printable was printed. Trouble with logs never decides about the run."""
        before = self._logs.lines
        trouble, drained = self._print_once(cancellation, completed=completed)
        if isinstance(trouble, PipelineInterrupted):
            return trouble
        if trouble is None or self._logs.lines > before:
            self._log_outage.end()
        if trouble is not None:
            self._log_outage.begin(trouble)
        return drained

    def _print_once(self, cancellation: Cancellation, *, completed: bool) -> tuple[Trouble | None, bool]:
        timeline = unwrap_or_failure(self._service.get(self._address.timeline(self._run.number), cancellation))
        if isinstance(timeline, (Unsettled, Refusal, PipelineInterrupted)):
            return timeline, False
        self._records = read_timeline(timeline) or self._records
        printable = chains(self._records, completed=completed)
        if not any(record.log is not None for chain in printable for record in chain.records):
            return None, completed and self._has_nothing_to_print()
        listed = unwrap_or_failure(self._service.get(self._address.logs(self._run.number), cancellation))
        if isinstance(listed, PipelineInterrupted):
            return listed, False
        counts = {} if isinstance(listed, (Unsettled, Refusal)) else read_list(listed)
        return self._logs.read(printable, counts, cancellation, completed=completed)

    def _read_the_rest(self, cancellation: Cancellation) -> None:
        """One log that stays away must hide neither those behind it nor the report: each is asked for, for a minute."""
        began = self._service.stopwatch()
        for chain in chains(self._records, completed=True):
            for record in chain.records:
                if self._service.stopwatch() - began < EARLY_SECONDS:
                    self._logs.read((Chain(chain.job, (record,)),), {}, cancellation, completed=True)

    def _has_nothing_to_print(self) -> bool:
        """A run may end without any job; but records may also come late, so this must be seen a few times."""
        self._empty_looks += 1
        ran = any(each.kind == "task" and each.result not in ("", "skipped") for each in self._records)
        return not ran and self._empty_looks >= _EMPTY_LOOKS

    # --- the end --------------------------------------------------------------------------------------------------

    def _finished(
        self, state: _State, cancellation: Cancellation, *, drained: bool
    ) -> Result[FinishedRun, FollowFailure]:
        build = self._build(cancellation)
        if isinstance(build, PipelineInterrupted):
            return Failure(build)
        fields = build if isinstance(build, dict) else {}
        verdict, said = _verdict(state.result, fields)
        notes = list(messages_of(fields.get("validationResults")))
        if not isinstance(build, dict):
            notes.append(f"the run's result cannot be confirmed: {build}")
        if not drained:
            notes.append("its logs could not be read to their end")
        failed = failures(self._records)
        return Success(FinishedRun(self._run, verdict, said, failed, tuple(notes), self._logs.report_log()))

    def _build(self, cancellation: Cancellation) -> Any:
        """The run as a build, or why it cannot be had; asked again for a while until it is completed too."""
        outage = Outage("the build", self._service.policy, self._service.stopwatch, lambda _: None)
        while True:
            found = unwrap_or_failure(self._service.get(self._address.build(self._run.number), cancellation))
            is_done = isinstance(found, dict) and word(found.get("status")) == "completed"
            if (
                is_done
                or isinstance(found, PipelineInterrupted)
                or (isinstance(found, Refusal) and not found.is_sign_in)
            ):
                return found
            late = Unsettled(self._run.url, "it is not completed as a build", may_have_arrived=True, is_missing=True)
            outage.begin(found if isinstance(found, (Unsettled, Refusal)) else late)
            if outage.is_hopeless:
                return found
            if cancellation.wait(outage.pause_seconds):
                return PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE)


def _verdict(result: str, build: dict[str, Any]) -> tuple[Verdict, str]:
    """Success only if run and build both say so; otherwise the build's word counts, which can tell more."""
    built = word(build.get("result"))
    said = f"result {result or 'missing'}" + (f", as a build {built or 'missing'}" if built != result else "")
    if result == built == "succeeded":
        is_over = word(build.get("status")) == "completed"
        return (Verdict.SUCCEEDED, said) if is_over else (Verdict.UNKNOWN, f"{said}, which is not completed")
    verdict = _WORDS.get(built or result, Verdict.UNKNOWN)
    return Verdict.UNKNOWN if verdict is Verdict.SUCCEEDED else verdict, said
