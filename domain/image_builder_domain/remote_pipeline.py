"""Building in a remote pipeline: what is asked of it, what becomes of a run, how it fails, and the port.

Only a run that completed and succeeded is a success; whatever else the service says, or does not say, is none
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
    """A template parameter. ``value`` is what is sent, always text; ``shown`` is the same with secrets hidden."""

    name: str
    value: str = field(repr=False)
    shown: str
    is_secret: bool = False

    @classmethod
    def of(cls, name: str, value: str) -> "Parameter":
        """A parameter with nothing to hide."""
        return cls(name, value, value)

    @classmethod
    def secret(cls, name: str, value: str) -> "Parameter":
        """A parameter that is a secret as a whole."""
        return cls(name, value, "***", is_secret=True)


@final
@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to start the pipeline with; names are unique.

    ``identity_token`` asks for one more parameter: the CI job's identity token, where the job can get one.
    """

    parameters: tuple[Parameter, ...]
    identity_token: bool = False


@final
@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A definition to expand with these parameters; ``definition`` is YAML, and not empty."""

    parameters: tuple[Parameter, ...]
    definition: str


@final
@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process started. ``url`` is the page to show to people."""

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
    """A stage, job or task that did not succeed, with what it says about it."""

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

    ``said`` are the service's own words for it, ``failed`` the records that did not succeed, ``notes`` why it could not
    even start. ``report_log`` is the end of the log of the task that prints the build report (empty without one): at
    most :data:`LARGEST_REPORT_LOG` characters, one line each, without the service's timestamps.
    """

    run: Run
    verdict: Verdict
    said: str
    failed: tuple[FailedRecord, ...] = ()
    notes: tuple[str, ...] = ()
    report_log: str = ""


LARGEST_REPORT_LOG = 4 * 1024 * 1024
"""Characters kept of the log of the task that prints the build report."""

REPORT_TASKS = ("print_image_build_report", "prepare_image_build_report")
"""Names of the task that prints the build report, the one that counts first; ``-`` and blanks count as ``_``."""


@final
@dataclass(frozen=True, slots=True)
class PipelineMisconfigured:
    """What is missing or unusable before anything is sent, such as credentials."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}"


@final
@dataclass(frozen=True, slots=True)
class PipelineRefused:
    """The service said no, and nothing was started. ``details`` are its reasons, with file, line and column."""

    where: str
    reason: str
    remedy: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}" + "".join(f"\n  {detail}" for detail in self.details)


@final
@dataclass(frozen=True, slots=True)
class PipelineUnreachable:
    """No usable answer came, and nothing was started; trying again is safe."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; nothing was started, it is safe to run this again"


@final
@dataclass(frozen=True, slots=True)
class RunUncertain:
    """The request was sent, and whether a run was started is unknown; it was not sent again."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; a run may have been started: look at the pipeline's runs before another"


@final
@dataclass(frozen=True, slots=True)
class RunLost:
    """The run could not be followed to its end. It goes on, and its result is unknown."""

    run: Run
    reason: str

    def __str__(self) -> str:
        return f"{self.run.url}: {self.reason}; the run goes on and its result is unknown here: look at that page"


@final
@dataclass(frozen=True, slots=True)
class PipelineInterrupted:
    """Work was stopped. Before a start, nothing was started; while following, the run goes on until it is canceled."""

    interruption: Interruption

    def __str__(self) -> str:
        return f"stopped ({self.interruption.name.lower()})"


@final
@dataclass(frozen=True, slots=True)
class CancelFailed:
    """The run could not be canceled, and may go on."""

    run: Run
    reason: str

    def __str__(self) -> str:
        return f"{self.run.url}: the run could not be canceled: {self.reason}; cancel it on that page"


StartFailure: TypeAlias = PipelineRefused | PipelineUnreachable | RunUncertain | PipelineInterrupted
FollowFailure: TypeAlias = RunLost | PipelineInterrupted
PreviewFailure: TypeAlias = PipelineRefused | PipelineUnreachable | PipelineInterrupted


class RemotePipeline(Protocol):
    """Starts one pipeline, follows its runs, cancels them, and expands its definition.

    Takes   requests of text parameters, a sink for log output, and the cancellation.
    Gives   what the service said of a run at its end. Log lines reach the sink while the run goes on, each once, in
            the order of its log, with the service's timestamps, whatever the size of a log.
    Fails   as each method says. Never raises, and no failure holds a secret.
    Source  specification, section 7.
    """

    def check(self) -> Result[None, PipelineMisconfigured]:
        """Whether there is all that a request needs, credentials above all. Sends nothing."""
        ...

    def describe(self, request: RunRequest | PreviewRequest) -> str:
        """The request that :meth:`start` or :meth:`preview` would send, with secrets hidden; pure."""
        ...

    def start(self, request: RunRequest, cancellation: Cancellation) -> Result[Run, StartFailure]:
        """Start one run, never two.

        A cancellation that comes once the request is out is heeded only after a few seconds: whoever stops the work
        needs the run's number to cancel it. So a run may be given although work must stop.
        """
        ...

    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        """Wait for the end of a run; an outage of the service of ten minutes is survived."""
        ...

    def cancel(self, run: Run) -> Result[None, CancelFailed]:
        """Ask for a run's end, within five seconds. Only a run that this very object started is ever canceled."""
        ...

    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Result[str, PreviewFailure]:
        """The definition with all templates expanded, as YAML with LF line ends. Nothing is started."""
        ...

    def close(self) -> None:
        """Close what is open. Safe to call twice."""
        ...
