"""The life of a run, the same in every mode: begin, decide, show or carry out, report, end with an exit code.

A mode reads and decides (:data:`Mode`) and returns :class:`Work`. Everything else that a user meets is here: the format
of the log, refusals, plans, signals and the deadline, the evidence for later steps, standard output and the exit code.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, final

from image_builder_adapters.cancellation import Interrupted, SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.problem import Problems, first_problems, problems_of
from returns.result import Failure, Result

from image_builder.container import (
    Settings,
    open_evidence_files,
    open_sources,
    secrets_of_environment,
    secrets_of_signers,
)
from image_builder.default_folders import log_directory, state_directory
from image_builder.flag_table import FLAGS, LIST, MODE_FLAGS, REPEATED
from image_builder.options import Options, field_of
from image_builder.presenters.console import Console
from image_builder.presenters.plan import warn
from image_builder.reading import Reader

if TYPE_CHECKING:
    from image_builder_domain.configuration.keys import Configuration
    from image_builder_domain.report.report import Report
    from image_builder_domain.source.build_argument import BuildArgument
    from image_builder_domain.trust.side import Job

    from image_builder.evidence import Evidence

_LEAVE_EVIDENCE = {"build", "remote", "sign", "tags", "publish", "preview"}
_QUICK = ("tags", "schema")
"""Modes that print no foreign text and call nothing that logs. They start without what hides secrets, to be fast."""

_REPEATABLE = {f"--{name}" for name, flag in FLAGS.items() if flag[1] in (LIST, REPEATED)}
"""Flags with several values: what is wrong with one of them says nothing about the others."""

_INTERRUPTED = {reason.value: reason for reason in (Interruption.SIGINT, Interruption.SIGTERM, Interruption.DEADLINE)}

Output: TypeAlias = Callable[[], str]
"""Prints a result on standard output; returns why it is lost, or nothing."""


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Ending:
    """What came of a run.

    ``report`` takes what could not be written, and returns the report for later steps. ``summary`` takes the path of
    the report's file, None when it was not written. ``lost`` says what could not be written: it changes the exit code
    of a success only.
    """

    exit_code: int = ExitCode.DONE
    result: Output | None = None
    report: Callable[[tuple[str, ...]], "Report"] | None = None
    summary: Callable[[str | None], str] | None = None
    lost: tuple[str, ...] = ()


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Work:
    """A plan with what it needs of the outside world.

    ``show`` prints the plan; a mode that refuses ``--dry-run`` has none. Work without ``carry_out`` is only shown.
    ``announce`` prints notes before the plan is carried out. ``unready`` finds what would fail later and can be
    detected now, without sending anything.
    """

    carry_out: Callable[[], Ending] | None = None
    show: Output | None = None
    unready: Callable[[], Problems] = tuple
    job: "Job | None" = None
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    announce: Callable[[], None] = lambda: None


@final
class Session:
    """One run of the command.

    ``is_plan`` is true when the plan is shown and not carried out. ``words`` holds what is not a flag, ``early`` the
    problems of the command line itself, ``notes`` its warnings, and ``remarks`` what is good to know about it.
    ``meant`` holds the flags that were misspelt. ``has_pipeline`` says that the configuration, once it is read, has a
    pipeline of Azure DevOps.
    ``environment`` is the tool's own. ``given`` is the content of the report that is published.
    """

    def __init__(
        self,
        mode: str,
        options: Options,
        environment: Mapping[str, str],
        cancellation: SignalCancellation,
        console: Console,
        redactor: Redactor,
        *,
        is_plan: bool = False,
        words: tuple[str, ...] = (),
        early: Problems = (),
        meant: frozenset[str] = frozenset(),
        notes: tuple[str, ...] = (),
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.mode = mode
        self.options = options
        self.environment = environment
        self.cancellation = cancellation
        self.console = console
        self.redactor = redactor
        self.words = words
        self.sources = open_sources(options.config, options.context or ".", environment)
        self.reader = Reader(options, environment, self.sources, self._know)
        self.given: Result[bytes, Problems] | None = None
        self.is_plan = is_plan
        self._meant = meant
        self.has_pipeline = False
        self._early, self._notes, self._remarks = early, notes, remarks
        self._evidence = self._open_evidence()

    @property
    def settings(self) -> Settings:
        """What the adapters need to know."""
        folders = log_directory(self.options, self.environment), state_directory(self.environment)
        return Settings(self.environment, *folders, self.redactor, self.options.context)

    def run(self, mode: "Mode") -> int:
        """Carry a mode out; the exit code (specification, section 1)."""
        try:
            with self.cancellation.interrupting():
                code = self._run(mode)
                # The outcome is reported; ignore late signals so that the exit code cannot contradict it.
                self.cancellation.ignore()
        except Interrupted as stopped:
            # A second signal must not keep the run from reporting the first.
            with self.cancellation.install():
                code = self._stop(stopped.reason)
                self.cancellation.ignore()
        return code

    def hide_arguments(self, arguments: "Iterable[BuildArgument]") -> None:
        """Hide the values of build arguments whose names look like those of secrets."""
        for argument in arguments:
            if argument.looks_secret:
                self.redactor.learn(argument.value)

    def page(self, text: Callable[[], str], document: Callable[[], Any]) -> Output:
        """A result for people, or with ``--output json`` one line of JSON for programs."""

        def write() -> str:
            if self.options.is_json:
                return self.console.document(document())
            return self.console.result(
                neutralise(text().encode(errors="surrogateescape")).decode(errors="surrogateescape")
            )

        return write

    def _run(self, mode: "Mode") -> int:
        if self.mode == "publish" and self.options.report is not None:
            # --build-report-path may name the same file, which is replaced at once.
            self.given = self.sources.file(self.options.report, "name the file that --build-report-path wrote")
        if self._evidence is not None:
            self._early = (*self._early, *self._evidence.begin())
        if self.mode not in _QUICK:
            self._protect()
        decided = mode(self)
        problems = (*self._early, *without_consequences(self._early, self._meant, problems_of(decided)))
        if problems or isinstance(decided, Failure):
            return self._refuse(problems)
        work = decided.unwrap()
        self._warn(work)
        if work.carry_out is None or (self.is_plan and work.show is not None):
            return self._lost(work.show() if work.show is not None else "")
        _collect_garbage()
        with self.cancellation.install():
            work.announce()
            problems = work.unready()
            return self._refuse(problems) if problems else self._end(work.carry_out())

    def _protect(self) -> None:
        """Hide every secret that the environment leads to, and show what adapters log, before foreign text is read."""
        from image_builder.presenters.adapter_log import show_adapter_log

        for secret in secrets_of_environment(self.environment):
            self.redactor.learn(secret)
        show_adapter_log(self.console, debug=self.options.debug)

    def _know(self, configuration: "Configuration") -> None:
        """Use a configuration's log format, and hide the secrets of all its signers, also of those that do not sign."""
        self.console.use_format(configuration.log_format)
        self.has_pipeline = configuration.ado is not None
        if configuration.signers and self.mode not in _QUICK:
            for secret in secrets_of_signers(configuration):
                self.redactor.learn(secret)

    def _warn(self, work: Work) -> None:
        self._warn_of_words()
        if work.job is not None:
            warn(work.job, self.console)
        for alert in work.alerts:
            self.console.error(alert)
        for warning in work.warnings:
            self.console.warning(warning)

    def _warn_of_words(self) -> None:
        """Print the warnings and remarks of the command line, once."""
        notes, remarks, self._notes, self._remarks = self._notes, self._remarks, (), ()
        for note in notes:
            self.console.warning(note)
        for remark in remarks:
            self.console.info(remark)

    def _refuse(self, problems: Problems) -> int:
        """Print every problem once, and write them to the places that later steps read; nothing was done."""
        shown = first_problems(problems)
        self._warn_of_words()
        for problem in shown:
            self.console.error(str(problem))
        self._errors(self._evidence.refused(shown) if self._evidence is not None else ())
        return ExitCode.REFUSED

    def _stop(self, reason: Interruption) -> int:
        """End a run that was interrupted before anything was started; the exit code of the reason."""
        self.console.interrupted(reason, "while the inputs were read; nothing was started")
        self._errors(self._evidence.interrupted(reason) if self._evidence is not None else ())
        return reason.value

    def _end(self, ending: Ending) -> int:
        """Leave the evidence, print the result and the summary; a file that is lost changes a success to 8."""
        if ending.exit_code in _INTERRUPTED:
            self.console.interrupted(_INTERRUPTED[ending.exit_code], "before the run was complete")
        self._errors(ending.lost)
        failures: tuple[str, ...] = ()
        if ending.report is not None and self._evidence is not None:
            failures = self._evidence.finish(ending.report, ending.lost)
        if ending.result is not None:
            unprinted = ending.result()
            failures = (*failures, unprinted) if unprinted else failures
        self._errors(failures)
        if ending.summary is not None:
            self.console.summary(ending.summary(self.options.build_report_path if not failures else None))
        is_lost = bool(ending.lost or failures)
        return ending.exit_code or (ExitCode.FILE_NOT_WRITTEN if is_lost else ExitCode.DONE)

    def _lost(self, reason: str) -> int:
        self._errors((reason,) if reason else ())
        return ExitCode.FILE_NOT_WRITTEN if reason else ExitCode.DONE

    def _errors(self, reasons: Iterable[str]) -> None:
        for reason in reasons:
            self.console.error(reason)

    def _open_evidence(self) -> "Evidence | None":
        """None where nothing would be left: such a mode need not load what writes."""
        options = self.options
        flagged = {mode for flag, mode in MODE_FLAGS.items() if getattr(options, field_of(flag))}
        # A plan leaves nothing. A flag of another mode beside its verb is refused in the places of that mode.
        modes = (flagged if self.is_plan else {self.mode, *flagged}) & _LEAVE_EVIDENCE
        is_dry = self.is_plan and options.dry_run
        if not modes or is_dry or (modes == {"tags"} and options.tags_output_file is None):
            return None
        from image_builder.evidence import Evidence

        files = open_evidence_files(log_directory(options, self.environment), self.redactor, options.context or ".")
        return Evidence(modes, options, self.environment, self.redactor, self.console, files)


Mode: TypeAlias = Callable[[Session], Result[Work, Problems]]
"""Reads what it needs and decides: the work, or every problem at once. Nothing is changed or sent."""


def without_consequences(early: Problems, meant: frozenset[str], found: Problems) -> Problems:
    """The problems without those of single flags that the command line's own problems already name."""
    named = {problem.where for problem in early} | meant
    return tuple(problem for problem in found if problem.where not in named or problem.where in _REPEATABLE)


def _collect_garbage() -> None:
    """Collect garbage again, which is off while modules load; what is loaded now is never garbage."""
    import gc

    gc.freeze()
    gc.enable()
