"""An agent: carries out a definition's jobs on this machine, as the real one would, and records what happens.

Steps are real processes in the folders of a :class:`Machine`, which outlive the run; the network, the user and the
programs are those of this machine. Only for definitions that you trust.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from image_builder_stand_ins.azure_devops.agent.machine import MARK, Machines
from image_builder_stand_ins.azure_devops.agent.process import StepProcess
from image_builder_stand_ins.azure_devops.agent.variable import RESTRICTED, AgentCommand, Variable, Variables
from image_builder_stand_ins.azure_devops.definition import Definition, Job, Step
from image_builder_stand_ins.azure_devops.expression import STATUS_FUNCTIONS, Scope, evaluate, is_true
from image_builder_stand_ins.azure_devops.run import AGENT, Record, Run, Writer

_RULE = "=" * 78
_TASKS = {
    "bash": {"id": "6c731c3c-3c68-459a-a5c9-bde6e6595b5b", "name": "Bash", "version": "3.250.1"},
    "script": {"id": "d9bafed4-0b18-4f58-968d-86655b4d2ce9", "name": "CmdLine", "version": "2.250.1"},
    "checkout": {"id": "6d15af64-176c-496d-b583-fd2ae21d4df4", "name": "Checkout", "version": "1.0.0"},
}
_COMMANDS = {"bash": ("bash",), "script": ("bash", "--noprofile", "--norc")}


@final
@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent brings: variable groups by name, its own environment, and how it ends a canceled step.

    ``stop_seconds`` are the seconds between SIGINT, SIGTERM and SIGKILL (the real agent: 7.5 and 2.5). ``minute`` is
    how many seconds a minute of a deadline has. Without ``keeps_empty`` the environment of a step has no variable with
    an empty value.
    """

    groups: Mapping[str, Mapping[str, Variable]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 7.5
    minute: float = 60.0
    keeps_empty: bool = True


@final
class Agent:
    """Carries out one run of a definition."""

    def __init__(
        self, definition: Definition, settings: AgentSettings, machines: Machines, predefined: Mapping[str, str]
    ) -> None:
        self._definition = definition
        self._machines = machines
        self._machine = machines.of("")
        self._mark = f"vsts_{uuid.uuid4()}"
        self._settings = settings
        self._predefined = dict(predefined)
        self._variables = Variables()
        self._fixed: set[str] = set()
        self._status = "Succeeded"
        self._end: float | None = None

    def work(self, run: Run) -> str:
        """The work of a run: every job, one after the other, until one fails."""
        results: list[str] = []
        stage = run.open("Stage", "__default", None, ref_name="__default", identifier="__default")
        with run.going(stage):
            for job in self._definition.jobs:
                if results and results[-1] in ("failed", "canceled"):
                    break
                results.append(self._job(run, stage, job))
            stage.result = _worst(results)
        return {"succeededWithIssues": "partiallySucceeded"}.get(_worst(results), _worst(results))

    def _job(self, run: Run, stage: Record, job: Job) -> str:
        name = job.display or job.name
        phase = run.open("Phase", name, stage, ref_name=job.name, identifier=job.name)
        record = run.open("Job", name, phase, ref_name="__default", identifier=f"{job.name}.__default", worker=AGENT)
        first = run.open("Task", "Initialize job", record, ref_name="JobExtension_Init", worker=AGENT)
        tasks = [(step, self._task(run, record, step)) for step in job.steps if (step.kind, step.content) != _NOTHING]
        last = run.open("Task", "Finalize Job", record, ref_name="JobExtension_Final", worker=AGENT)
        self._machine = self._machines.of(job.pool or self._definition.pool)
        with self._machine.taken(run.canceled) as is_taken:
            self._status, self._end = "Succeeded" if is_taken else "Canceled", self._late(job)
            if is_taken:
                with run.going(phase), run.going(record):
                    self._steps(run, job, (first, last), tasks)
                    record.result = phase.result = _RESULTS[self._status]
        return _RESULTS[self._status]

    def _late(self, job: Job) -> float | None:
        return time.monotonic() + job.minutes * self._settings.minute if job.minutes else None

    def _steps(self, run: Run, job: Job, ends: tuple[Record, Record], tasks: list[tuple[Step, Record]]) -> None:
        first, last = ends
        with run.going(first) as writer:
            is_ready = self._initialize(run, job, writer)
        for step, task in tasks:
            if is_ready:
                self._step(run, step, task, job)
            else:
                run.close(task, "skipped")
        with run.going(last) as writer:
            writer.write("Cleaning up task key")
            for number in self._machine.finish(self._mark):
                writer.write(f"Terminate orphan process: pid ({number})")

    def _task(self, run: Run, parent: Record, step: Step) -> Record:
        name = step.display or step.name or ("CmdLine" if step.kind == "script" else step.kind.capitalize())
        if step.kind == "checkout":
            name = f"Checkout {self._predefined['Build.Repository.Name']}@main to s"
        return run.open("Task", name, parent, ref_name=step.name, task=_TASKS[step.kind], worker=AGENT)

    # --- before the first step ---------------------------------------------------------------------------------

    def _initialize(self, run: Run, job: Job, writer: Writer) -> bool:
        writer.write("##[section]Starting: Initialize job")
        writer.write(f"Agent name: '{AGENT}'")
        writer.write(f"Agent pool: '{job.pool or self._definition.pool}'")
        try:
            folders = self._machine.prepare(run.pipeline_id, job.clean)
        except OSError as error:
            self._status = "Failed"
            writer.fail(f"Access to the path is denied: {error}")
            return False
        own = {**folders, "Build.BuildId": str(run.id), "Build.BuildNumber": run.name, "System.JobAttempt": "1"}
        self._variables = Variables()
        for name, value in {**self._predefined, **own}.items():
            self._variables.put(name, Variable(value))
        for name, value in (*self._definition.variables, *job.variables):
            members = {name: Variable(value)} if name else self._settings.groups.get(value, {})
            for each, variable in members.items():
                self._variables.put(each, variable)
        writer.write("##[section]Finishing: Initialize job")
        return True

    # --- one step ----------------------------------------------------------------------------------------------

    def _step(self, run: Run, step: Step, record: Record, job: Job) -> None:
        self._status = "Canceled" if run.canceled.is_set() or self.is_late() else self._status
        if not self._holds(step.condition):
            run.start(record)
            run.close(record, "skipped", f"Evaluating: {step.condition}\r\nResult: False\r\n")
            return
        with run.going(record) as writer:
            code = self._carried_out(run, step, writer, job)
            if code != 0 and self._status != "Canceled" and (run.canceled.is_set() or self.is_late()):
                writer.fail("The operation was canceled.", "canceled")
            elif code != 0:
                writer.fail(f"{_TASKS[step.kind]['name']} exited with code '{code}'.")
            writer.write(f"##[section]Finishing: {record.name}")
            self._judge(step, record)

    def _judge(self, step: Step, record: Record) -> None:
        if record.result == "failed" and step.continues:
            record.result = "succeededWithIssues"
        if record.result == "failed":
            self._status = "Failed"
        elif record.result == "canceled":
            self._status = "Canceled"
        elif record.result == "succeededWithIssues" and self._status == "Succeeded":
            self._status = "SucceededWithIssues"

    def is_late(self) -> bool:
        """Whether the job's deadline has passed."""
        return self._end is not None and time.monotonic() > self._end

    def _holds(self, condition: str) -> bool:
        fine = self._status in ("Succeeded", "SucceededWithIssues")
        answers = (fine, self._status == "Failed", self._status != "Canceled", self._status == "Canceled", True)
        functions = zip(STATUS_FUNCTIONS, answers, strict=True)
        calls = {name: (lambda answer=answer: answer) for name, answer in functions}
        return is_true(evaluate(condition, Scope({"variables": dict(self._variables.object())}, calls)))

    def _carried_out(self, run: Run, step: Step, writer: Writer, job: Job) -> int:
        task = _TASKS[step.kind]
        writer.write(f"##[section]Starting: {writer.record.name}")
        for line in (_RULE, f"Task         : {task['name']}", f"Version      : {task['version']}", _RULE):
            writer.write(line)
        if step.kind == "checkout":
            return self._check_out(run, writer)
        self._variables.put("Agent.JobStatus", Variable(self._status))
        file = Path(self._variables.get("Agent.TempDirectory")) / f"{uuid.uuid4()}.sh"
        file.write_text(self._variables.expand(step.content), encoding="utf-8")
        command = (*_COMMANDS[step.kind], str(file))
        writer.write("Generating script.")
        writer.write("========================== Starting Command Output ===========================")
        writer.write(f"[command]/usr/bin/{' '.join(command)}")
        folder = self._variables.expand(step.folder) or self._variables.get("System.DefaultWorkingDirectory")
        end = time.monotonic() + step.minutes * self._settings.minute if step.minutes else None
        stop = _Stop(run, self, job.cancel_minutes * self._settings.minute, end, already=self._status == "Canceled")
        process = StepProcess(command, Path(folder), self._environment(step), self._settings.stop_seconds)
        self._machine.add(process.session)
        return process.follow(lambda line: self._line(line, step, writer), stop.is_due)

    def _check_out(self, run: Run, writer: Writer) -> int:
        """There is no repository behind a definition here: its sources are the expanded definition alone."""
        target = Path(self._variables.get("Build.SourcesDirectory")) / "azure-pipelines.yml"
        target.write_bytes(run.logs[1].part(None, None).read())
        writer.write("Syncing repository: self (Git)")
        return 0

    def _environment(self, step: Step) -> dict[str, str]:
        own = {name: self._variables.expand(value) for name, value in step.environment.items()}
        found = {**self._settings.environment, MARK: self._mark, **self._variables.exported(), **own}
        return {name: value for name, value in found.items() if value or self._settings.keeps_empty}

    # --- what a step prints ------------------------------------------------------------------------------------

    def _line(self, line: str, step: Step, writer: Writer) -> None:
        command = AgentCommand.find(line)
        if command is None:
            writer.write(self._variables.masked(line))
        elif step.restricted and command.name not in RESTRICTED:
            writer.write(f"##[warning]The command {command.name} is not allowed in this step.")
        else:
            self._obey(command, step, writer)

    def _obey(self, command: AgentCommand, step: Step, writer: Writer) -> None:
        message = self._variables.masked(command.text)
        match command.name:
            case "task.setvariable":
                self._set(command, step, writer)
            case "task.setsecret":
                self._variables.hide(command.text)
            case "task.logissue":
                kind = command.properties.get("type", "error")
                writer.write(f"##[{kind}]{message}")
                writer.issue(kind, message)
            case "task.complete":
                result = command.properties.get("result", "")
                writer.record.result = _COMPLETED.get(result.lower(), writer.record.result)
            case _:
                writer.write(f"##[warning]This stand-in does not know the command {command.name}.")

    def _set(self, command: AgentCommand, step: Step, writer: Writer) -> None:
        name = command.properties.get("variable", "")
        if step.settable is not None and name.lower() not in (each.lower() for each in step.settable):
            writer.write(f"##[warning]'{name}' is not among the variables that this step may set.")
            return
        chosen = f"{step.name}.{name}" if command.flag("isoutput") and step.name else name
        if chosen.lower() in self._fixed:
            writer.write(f"##[error]'{chosen}' is read-only.")
            return
        self._variables.put(chosen, Variable(command.text, command.flag("issecret")))
        if command.flag("isreadonly"):
            self._fixed.add(chosen.lower())


_NOTHING = ("checkout", "none")
_RESULTS = {
    "Succeeded": "succeeded",
    "SucceededWithIssues": "succeededWithIssues",
    "Failed": "failed",
    "Canceled": "canceled",
}
_COMPLETED = {"succeeded": "succeeded", "succeededwithissues": "succeededWithIssues", "failed": "failed"}


def _worst(results: list[str]) -> str:
    return next((word for word in ("canceled", "failed", "succeededWithIssues") if word in results), "succeeded")


@final
class _Stop:
    """When a step must end: it is canceled or late; a step that runs although all is canceled has its own time."""

    def __init__(self, run: Run, agent: Agent, seconds: float, end: float | None, *, already: bool) -> None:
        self._run = run
        self._agent = agent
        self._end = end if not already else time.monotonic() + seconds
        self._already = already

    def is_due(self) -> bool:
        late = self._end is not None and time.monotonic() > self._end
        return late or (not self._already and (self._run.canceled.is_set() or self._agent.is_late()))
