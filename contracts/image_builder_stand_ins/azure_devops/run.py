"""A run: its state, its timeline and its logs, as the function that carries it out records them.

A *work* is a function that takes the :class:`Run` and gives its result. The service's own work executes the pipeline's
definition; a test can bring another one, and so decides when which line appears::

    def work(run: Run) -> str:
        with run.job("Build") as job, job.task("build") as task:
            task.write("hello")
            run.canceled.wait(10)
        return "succeeded"

A work that opens no record is a run that ended before it began; ``run.validation`` then says why.
"""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, final

from image_builder_stand_ins.azure_devops.log import Log, now

AGENT = "Azure Pipelines 1"


@final
@dataclass(slots=True)
class Record:
    """One line of the timeline. Made by :meth:`Run.open`; ``state`` is ``pending``, ``inProgress`` or ``completed``."""

    type: str
    name: str
    parent: "Record | None"
    order: int
    ref_name: str = ""
    identifier: str | None = None
    task: Mapping[str, str] | None = None
    worker: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "pending"
    result: str | None = None
    result_code: str | None = None
    started: int | None = None
    finished: int | None = None
    log: Log | None = None
    log_id: int | None = None
    issues: list[dict[str, object]] = field(default_factory=list)
    change: int = 0


@final
@dataclass(slots=True)
class Approval:
    """An approval that a stage needs: who may give it, how many must, and what they said (status, who, comment)."""

    approvers: tuple[str, ...]
    needed: int = 1
    instructions: str = ""
    said: tuple[str, str, str] | None = None


@final
@dataclass(frozen=True, slots=True)
class Writer:
    """A record that is in progress, to be written to. Lines go to the record's log and to those of the job around."""

    run: "Run"
    record: Record

    def write(self, message: str) -> None:
        """Add one message."""
        self.run.write(self.record, message)

    def write_bytes(self, content: bytes) -> None:
        """Add whole lines as they are: no timestamp, any bytes."""
        self.run.log_of(self.record).write_bytes(content)

    def publish(self) -> None:
        """Let clients see what was written so far."""
        self.run.publish(self.record)

    def fail(self, message: str = "", result: str = "failed") -> None:
        """Give the record this result; a message is also an issue and an ``##[error]`` line."""
        self.record.result = result
        if message:
            self.write(f"##[error]{message}")
            self.issue("error", message)

    def issue(self, kind: str, message: str) -> None:
        """Attach an ``error`` or a ``warning`` to the record."""
        data = {"type": kind, "logFileLineNumber": "1"}
        self.record.issues.append({"type": kind, "category": "General", "message": message, "data": data})

    @contextlib.contextmanager
    def task(self, name: str, ref_name: str = "", task: Mapping[str, str] | None = None) -> Iterator["Writer"]:
        """A task of this job, completed when the block ends: ``succeeded`` unless the block sets another result."""
        record = self.run.open("Task", name, self.record, ref_name=ref_name, task=task, worker=AGENT)
        with self.run.going(record) as writer:
            writer.write(f"##[section]Starting: {name}")
            yield writer
            writer.write(f"##[section]Finishing: {name}")


@final
class Run:
    """A run of a pipeline. Thread-safe."""

    def __init__(self, number: int, pipeline: int, name: str, parameters: Mapping[str, object], folder: Path) -> None:
        self.id = number
        self.pipeline_id = pipeline
        self.name = name
        self.parameters = dict(parameters)
        self.folder = folder
        self.queued = now()
        self.started: int | None = None
        self.finished: int | None = None
        self.changed = self.queued
        self.result: str | None = None
        self.validation: list[dict[str, str]] = []
        self.page_bytes: int | None = None
        self.canceled = threading.Event()
        self.completed = threading.Event()
        self.lock = threading.RLock()
        self.records: list[Record] = []
        self.approvals: dict[str, Approval] = {}
        self.logs: dict[int, Log] = {}
        self._next_log = 1

    @property
    def status(self) -> str:
        """The Build's word: ``notStarted``, ``inProgress``, ``cancelling`` or ``completed``."""
        if self.completed.is_set():
            return "completed"
        if self.canceled.is_set():
            return "cancelling"
        return "notStarted" if self.started is None else "inProgress"

    def cancel(self) -> bool:
        """Ask the run to stop; False when it is over."""
        with self.lock:
            if self.completed.is_set():
                return False
            self.changed = now()
            self.canceled.set()
            return True

    def complete(self, result: str) -> None:
        """The run is over. A run that never began starts and ends at the same time."""
        with self.lock:
            self.finished = self.changed = now()
            self.started = self.started or self.finished
            self.result = result
            for record in self.records:
                if record.state != "completed":
                    self.close(record, record.result or ("canceled" if result == "canceled" else "abandoned"))
            self.completed.set()

    def open(
        self,
        kind: str,
        name: str,
        parent: Record | None,
        *,
        ref_name: str = "",
        identifier: str | None = None,
        task: Mapping[str, str] | None = None,
        worker: str | None = None,
    ) -> Record:
        """Add a pending record below ``parent``. A run begins with its first: until then no agent has taken it."""
        with self.lock:
            if self.started is None:
                self.started = self.changed = now()
            order = 1 + sum(record.parent is parent for record in self.records)
            record = Record(kind, name, parent, order, ref_name, identifier, task, worker)
            self._touch(record)
            self.records.append(record)
            return record

    @contextlib.contextmanager
    def going(self, record: Record) -> Iterator[Writer]:
        """Keep a record in progress while the block runs; ``succeeded`` unless the block says otherwise."""
        self.start(record)
        try:
            yield Writer(self, record)
        except BaseException:
            record.result = record.result or "failed"
            raise
        finally:
            self.close(record, record.result or "succeeded")

    @contextlib.contextmanager
    def job(self, name: str = "Job", stage: str = "__default") -> Iterator[Writer]:
        """A stage with one phase and one job, completed when the block ends."""
        outer = self.open("Stage", stage, None, ref_name=stage, identifier=stage)
        phase = self.open("Phase", name, outer, ref_name=name, identifier=f"{stage}.{name}")
        job = self.open("Job", name, phase, ref_name="__default", identifier=f"{name}.__default", worker=AGENT)
        with self.going(outer), self.going(phase), self.going(job) as writer:
            yield writer
            worst = [record.result for record in self.records if record.parent is job]
            job.result = job.result or ("failed" if "failed" in worst else None)
            phase.result = outer.result = job.result

    @contextlib.contextmanager
    def check(self, kind: str, stage: Record, approval: Approval | None = None) -> Iterator[Record]:
        """A check of this stage, such as ``Checkpoint.Approval``, that is in progress until the block ends."""
        outer = self.open("Checkpoint", "Checkpoint", stage, identifier="Checkpoint")
        record = self.open(kind, kind, outer, identifier=kind)
        if approval is not None:
            self.approvals[record.id] = approval
        with self.going(outer), self.going(record):
            yield record
            outer.result = record.result

    def start(self, record: Record) -> None:
        """A pending record is now in progress."""
        with self.lock:
            record.state, record.started = "inProgress", now()
            self._touch(record)

    def close(self, record: Record, result: str, result_code: str | None = None) -> None:
        """A record is over; its log, if it has one, is published."""
        with self.lock:
            record.state, record.result, record.result_code = "completed", result, result_code
            record.finished = now()
            self._touch(record)
            if record.log is not None:
                record.log.close()
                self._show_log(record)

    def log_of(self, record: Record) -> Log:
        """The record's log, made when first asked for; clients see it once it is published."""
        with self.lock:
            if record.log is None:
                path = self.folder / f"{record.id}.log"
                record.log = Log(path) if self.page_bytes is None else Log(path, self.page_bytes)
            return record.log

    def write(self, record: Record, message: str) -> None:
        """Add a message to the record's log, and with another timestamp to that of the job around it."""
        for each in (record, record.parent):
            if each is not None and each.type in ("Task", "Job"):
                log = self.log_of(each)
                log.write(message)
                if log.line_count:
                    self._show_log(each)

    def publish(self, record: Record) -> None:
        """Let clients see what the record's log holds so far."""
        self.log_of(record).publish()
        self._show_log(record)

    def add_log(self, text: str) -> None:
        """A log of no record, without timestamps: the expanded YAML is the first of a run."""
        with self.lock:
            log = Log(self.folder / f"{self._next_log}.log")
            for line in text.splitlines():
                log.write(line, stamped=False)
            log.close()
            self._number(log)

    def _show_log(self, record: Record) -> None:
        with self.lock:
            if record.log_id is None and record.log is not None:
                record.log_id = self._number(record.log)

    def _number(self, log: Log) -> int:
        number = self._next_log
        self._next_log += 1
        self.logs[number] = log
        return number

    def _touch(self, record: Record) -> None:
        record.change = 1 + max((each.change for each in self.records), default=0)


Work: TypeAlias = Callable[[Run], str]
"""Carries out a run and gives its result: ``succeeded``, ``partiallySucceeded``, ``failed`` or ``canceled``."""
