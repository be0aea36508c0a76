"""What the service knows: pipelines, runs, credentials, faults, and every request that came in. Thread-safe."""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from yaml.nodes import Node

from image_builder_stand_ins.azure_devops.expression import shown
from image_builder_stand_ins.azure_devops.fault import Fault, Injection
from image_builder_stand_ins.azure_devops.identity import Identities
from image_builder_stand_ins.azure_devops.log import day, now
from image_builder_stand_ins.azure_devops.message import NEWEST_VERSION, Operation, ReceivedRequest
from image_builder_stand_ins.azure_devops.parameter import Parameter, Value
from image_builder_stand_ins.azure_devops.representation import PipelineCard, Place, Source
from image_builder_stand_ins.azure_devops.run import Run, Work


@final
@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline that was imported: its definition, its declared parameters, and who carries out its runs.

    ``work`` is asked for anew for each run, with the values of the parameters.
    """

    card: PipelineCard
    definition: str
    root: Node
    parameters: tuple[Parameter, ...]
    work: "WorkFor"


class WorkFor:
    """Makes the work of one run; the base class gives every run the same."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def prepare(self, pipeline: Pipeline, values: Mapping[str, Value], run: Run) -> Work:
        """The work of this run. Raises ``RefusedError`` when the definition cannot be run.

        A run's first two logs are always the definition, and how its template was worked out: values in clear.
        """
        run.add_log(pipeline.definition)
        run.add_log(trace(pipeline, values))
        return self._work


def trace(pipeline: Pipeline, values: Mapping[str, Value]) -> str:
    """The second log of a run: the value of every parameter, secrets too."""
    file = pipeline.card.source.yaml_file
    values_shown = [
        f"parameters.{name}: {value if isinstance(value, dict | list) else shown(value)}"
        for name, value in values.items()
    ]
    return "\n".join((f"Begin evaluating template '{file}'", *values_shown, f"Finished evaluating template '{file}'"))


@final
@dataclass
class _Pending:
    injection: Injection
    seen: int = 0
    done: int = 0

    @property
    def is_over(self) -> bool:
        return self.injection.times is not None and self.done >= self.injection.times


@final
class ServiceState:
    """The service's memory. ``folder`` holds logs and the agents' work folders."""

    def __init__(self, identities: Identities, folder: Path, organization: str, project: str) -> None:
        self.identities = identities
        self.folder = folder
        self.place = Place("", organization, project)
        self.stopping = threading.Event()
        self.page_bytes: int | None = None
        self.first_line = 1
        self.newest_version: tuple[int, int] = NEWEST_VERSION
        self.carriage_returns = False
        self.run_added = threading.Condition()
        self._lock = threading.Lock()
        self._requests: list[ReceivedRequest] = []
        self._pending: list[_Pending] = []
        self._pipelines: dict[int, Pipeline] = {}
        self._runs: dict[int, Run] = {}
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(901)

    # --- requests and faults -----------------------------------------------------------------------------------

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request so far, in the order of their answers."""
        with self._lock:
            return tuple(self._requests)

    def keep(self, request: ReceivedRequest) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def inject(self, injections: tuple[Injection, ...]) -> None:
        """Queue faults; the first that strikes an operation and is not over wins."""
        with self._lock:
            self._pending.extend(_Pending(injection) for injection in injections)

    def heal(self) -> None:
        """Forget every fault that is still to come."""
        with self._lock:
            self._pending.clear()

    def next_fault(self, operation: Operation) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            for pending in self._pending:
                if pending.is_over or not pending.injection.strikes(operation):
                    continue
                pending.seen += 1
                if pending.seen <= pending.injection.after:
                    continue
                pending.done += 1
                return pending.injection.fault
        return None

    # --- pipelines and runs ------------------------------------------------------------------------------------

    def add_pipeline(
        self, name: str, definition: str, root: Node, parameters: tuple[Parameter, ...], work: WorkFor, source: Source
    ) -> Pipeline:
        """Import a pipeline; ids count from 42."""
        with self._lock:
            card = PipelineCard(42 + len(self._pipelines), name, 7, "\\", source)
            pipeline = Pipeline(card, definition, root, parameters, work)
            self._pipelines[card.id] = pipeline
            return pipeline

    def pipeline(self, number: int) -> Pipeline | None:
        """A pipeline by its id."""
        with self._lock:
            return self._pipelines.get(number)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, the newest first."""
        with self._lock:
            return tuple(reversed(self._runs.values()))

    def run(self, number: int) -> Run | None:
        """A run by its id."""
        with self._lock:
            return self._runs.get(number)

    def new_run(self, pipeline: Pipeline, parameters: Mapping[str, object]) -> Run:
        """A run that is queued, known to nobody yet."""
        with self._lock:
            number = next(self._numbers)
            today = day(now())
            count = 1 + sum(run.name.startswith(today) for run in self._runs.values())
        folder = self.folder / f"run-{number}"
        folder.mkdir()
        run = Run(number, pipeline.card.id, f"{today}.{count}", parameters, folder)
        run.page_bytes = self.page_bytes
        return run

    def start(self, run: Run, work: Work) -> None:
        """Let an agent carry the run out."""
        thread = threading.Thread(target=_carry_out, args=(run, work), name=f"run-{run.id}")
        with self._lock:
            self._runs[run.id] = run
            self._threads.append(thread)
        with self.run_added:
            self.run_added.notify_all()
        thread.start()

    def stop(self) -> None:
        """Cancel what still runs and wait for it."""
        self.stopping.set()
        for run in self.runs:
            run.cancel()
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join()


def _carry_out(run: Run, work: Work) -> None:
    result = "failed"
    try:
        if run.canceled.is_set():
            result = "canceled"
            return
        result = work(run)
    finally:
        run.complete("canceled" if run.canceled.is_set() and result != "succeeded" else result)


@final
@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service runs.

    ``page_bytes``: a running record's lines are seen once so many are there (0: each at once; None: the agent's 8 MiB).
    ``first_line``: whether ``startLine`` and ``endLine`` count from 1 or from 0; no recording tells.
    ``carriage_returns``: expanded YAML has CRLF, as some answers had. ``newest_version``: of the REST API; that of
    an Azure DevOps Server 2022 is 7.0.
    """

    host: str = "127.0.0.1"
    port: int = 0
    organization: str = "example-org"
    project: str = "main"
    pat: str | None = field(default=None, repr=False)
    token_seconds: float = 3599.0
    page_bytes: int | None = 0
    first_line: int = 1
    carriage_returns: bool = False
    folder: Path | None = None
    newest_version: tuple[int, int] = NEWEST_VERSION
