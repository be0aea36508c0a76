"""Builds in a remote pipeline: requests, results and failures of runs, and the port.

Only a run that is completed and succeeded is a success. Every other result, or a missing one, is a failure
(specification, section 7).
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias, final

from returns.result import Result

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation, OutputSink


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """A template parameter. ``value`` is the string to send; ``shown`` is the same with secrets hidden."""

    name: str
    value: str = field(repr=False)
    shown: str
    is_secret: bool = False

    @classmethod
    def of(cls, name: str, value: str) -> "Parameter":
        """A parameter without secrets."""
        return cls(name, value, value)

    @classmethod
    def secret(cls, name: str, value: str) -> "Parameter":
        """A parameter whose whole value is secret."""
        return cls(name, value, "***", is_secret=True)


@final
@dataclass(frozen=True, slots=True)
class RunRequest:
    """The parameters to start the pipeline with; their names are unique.

    ``identity_token`` adds one more parameter: the CI job's identity token, if the job can get one.
    """

    parameters: tuple[Parameter, ...]
    identity_token: bool = False


@final
@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A definition to expand with these parameters; ``definition`` is YAML and not empty."""

    parameters: tuple[Parameter, ...]
    definition: str


@final
@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process started. ``url`` is its page, for people."""

    number: int
    url: str


class Verdict(Enum):
    """How a run ended; everything but ``SUCCEEDED`` is a failure."""

    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partiallySucceeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


@final
@dataclass(frozen=True, slots=True)
class FailedRecord:
    """A stage, job, task, approval or check that did not succeed, with its error messages."""

    kind: str
    name: str
    result: str
    issues: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name!r}: {self.result}" + "".join(f"\n  {issue}" for issue in self.issues)


@final
@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run ended.

    ``result`` has the service's own names of the result. ``failed`` are the records that did not succeed, ``notes``
    other messages, such as why the run could not start. ``report_log`` is the end of the log of the task that prints
    the build report (empty without one): at most :data:`LARGEST_REPORT_LOG` characters, in lines without the service's
    timestamps.
    """

    run: Run
    verdict: Verdict
    result: str
    failed: tuple[FailedRecord, ...] = ()
    notes: tuple[str, ...] = ()
    report_log: str = ""


LARGEST_REPORT_LOG = 4 * 1024 * 1024
"""Characters kept of the log of the task that prints the build report."""

REPORT_TASKS = ("print_image_build_report", "prepare_image_build_report")
"""Names of the task that prints the build report, the preferred one first; ``-`` and blanks count as ``_``."""


@final
@dataclass(frozen=True, slots=True)
class PipelineMisconfigured:
    """A setting or credential is missing or not valid. Nothing was sent."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}"


@final
@dataclass(frozen=True, slots=True)
class PipelineRefused:
    """The service refused the request. Nothing was started. ``details`` are its reasons, with file, line and column."""

    where: str
    reason: str
    remedy: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}" + "".join(f"\n  {detail}" for detail in self.details)


@final
@dataclass(frozen=True, slots=True)
class PipelineUnreachable:
    """There was no usable answer. Nothing was started, so a retry is safe."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; nothing was started, it is safe to run this again"


@final
@dataclass(frozen=True, slots=True)
class RunUncertain:
    """The request was sent once. Whether it started a run is unknown."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; a run may have been started: check the pipeline's runs before a retry"


@final
@dataclass(frozen=True, slots=True)
class RunLost:
    """The run could not be followed to its end. It continues, and its result is unknown."""

    run: Run
    reason: str

    def __str__(self) -> str:
        return f"{self.run.url}: {self.reason}; the run continues and its result is unknown: see that page"


@final
@dataclass(frozen=True, slots=True)
class PipelineInterrupted:
    """Image Builder was stopped, either before it started a run, or while it followed one, which continues.

    ``is_over``: the run had already ended, and only its last log lines or its result were still being read.
    """

    interruption: Interruption
    is_over: bool = False

    def __str__(self) -> str:
        return f"stopped ({self.interruption.name.lower()})"


@final
@dataclass(frozen=True, slots=True)
class CancelFailed:
    """The run could not be canceled, and may continue."""

    run: Run
    reason: str

    def __str__(self) -> str:
        return f"{self.run.url}: the run could not be canceled: {self.reason}; cancel it on that page"


StartFailure: TypeAlias = PipelineRefused | PipelineUnreachable | RunUncertain | PipelineInterrupted
FollowFailure: TypeAlias = RunLost | PipelineInterrupted
PreviewFailure: TypeAlias = PipelineRefused | PipelineUnreachable | PipelineInterrupted


class RemotePipeline(Protocol):
    """Starts one pipeline, follows its runs, cancels them, and expands its definition.

    Takes   requests of string parameters, a sink for log output, and the cancellation.
    Gives   the service's result of a run. Log lines reach the sink while the run continues, each once, in the order of
            its log, with the service's timestamps, for a log of any size.
    Fails   as each method says. Never raises, and failures hold no secrets.
    Source  specification, section 7.
    """

    def check(self) -> Result[None, PipelineMisconfigured]:
        """Whether the settings and credentials for a request are complete. Sends nothing."""
        ...

    def describe(self, request: RunRequest | PreviewRequest) -> str:
        """The request that :meth:`start` or :meth:`preview` would send, with secrets hidden. Sends nothing."""
        ...

    def start(self, request: RunRequest, cancellation: Cancellation) -> Result[Run, StartFailure]:
        """Start one run, never two.

        A cancellation after the request was sent takes effect a few seconds later, because the caller needs the run's
        number to cancel it. So the result may be a run although the cancellation has a reason.
        """
        ...

    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        """Wait for the end of a run; tolerates failed requests for ten minutes.

        While the run waits for a person or an agent, it says for what. After the end of the run, it tolerates failed
        requests for logs for a minute.
        """
        ...

    def cancel(self, run: Run) -> Result[None, CancelFailed]:
        """Cancel a run, within five seconds. Runs that this object did not start are never canceled."""
        ...

    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Result[str, PreviewFailure]:
        """The definition with all templates expanded, as YAML with LF line ends. Starts no run."""
        ...

    def close(self) -> None:
        """Close all connections. Safe to call twice."""
        ...
