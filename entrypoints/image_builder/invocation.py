"""One call of the command: what was asked, where, and who hears about it. Every mode is carried out from it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.problem import Problems, first_problems

from image_builder.flag_table import MODE_FLAGS
from image_builder.options import Options, field_of
from image_builder.presenters.console import Console

if TYPE_CHECKING:
    from image_builder_domain.configuration.file import Configuration
    from image_builder_domain.report.report import Report
    from returns.result import Result

    from image_builder.evidence import Evidence

_LEAVE_EVIDENCE = {"build", "remote", "sign", "tags", "preview"}


class Invocation:
    """A scanned command line and its surroundings.

    ``is_plan`` is true when the plan is shown and not carried out, ``words`` holds what is not a flag, ``early`` the
    problems of the command line itself. ``environment`` is the tool's own. ``cancellation`` stops the run.
    """

    __slots__ = (
        *("cancellation", "console", "early", "environment", "evidence", "is_plan", "mode", "options", "redactor"),
        "words",
    )

    def __init__(
        self,
        mode: str,
        options: Options,
        is_plan: bool,
        words: tuple[str, ...],
        environment: Mapping[str, str],
        early: Problems,
        console: Console,
        redactor: Redactor,
        cancellation: SignalCancellation,
    ) -> None:
        self.mode = mode
        self.options = options
        self.is_plan = is_plan
        self.words = words
        self.environment = environment
        self.early = early
        self.console = console
        self.redactor = redactor
        self.cancellation = cancellation
        self.evidence = self._open_evidence()

    def begin(self) -> None:
        """Remove what an earlier run left; a place where this fails becomes an early problem."""
        if self.evidence is not None:
            self.early = (*self.early, *self.evidence.begin())

    def learn_secrets(self) -> None:
        """Hide every secret that the environment leads to, before anything foreign is shown."""
        from image_builder_adapters.known_secrets import known_secrets

        for secret in known_secrets(self.environment):
            self.redactor.learn(secret)

    def learn_signers(self, configuration: "Result[Configuration, Problems]") -> None:
        """Hide the secrets of all signers, also of those that will not sign; none of a broken configuration."""
        signers = configuration.map(lambda found: found.signers).value_or(())
        if not signers:
            return
        from image_builder_adapters.signer_types import signer_type

        for signer in signers:
            read = signer_type(signer.type).secrets
            for secret in read(signer.settings) if read is not None else ():
                self.redactor.learn(secret)

    def refuse(self, problems: Problems) -> int:
        """Print every problem once, and write them to the places that later steps read; nothing was done."""
        told = first_problems(problems)
        for problem in told:
            self.console.error(str(problem))
        for lost in self.evidence.refused(told) if self.evidence is not None else ():
            self.console.error(lost)
        return ExitCode.REFUSED

    def stop(self, reason: Interruption) -> int:
        """End a run that was interrupted before anything was started; the exit code of the reason."""
        is_late = reason is Interruption.DEADLINE
        what = "--timeout: the deadline passed" if is_late else f"{reason.name}: the run was stopped"
        self.console.error(f"{what} while the inputs were read; nothing was started")
        for lost in self.evidence.interrupted(reason) if self.evidence is not None else ():
            self.console.error(lost)
        return reason.value

    def write_evidence(self, report: "Report") -> list[str]:
        """Write a report to every place that later steps read; what could not be written."""
        return self.evidence.write(report) if self.evidence is not None else []

    def _open_evidence(self) -> "Evidence | None":
        """None where nothing would be left: such a mode need not load what writes."""
        flagged = {mode for flag, mode in MODE_FLAGS.items() if getattr(self.options, field_of(flag))}
        modes = {self.mode, *flagged} & _LEAVE_EVIDENCE
        if not modes or self.is_plan or (modes == {"tags"} and self.options.tags_output_file is None):
            return None
        from image_builder.evidence import Evidence

        return Evidence(modes, self.options, self.environment, self.redactor, self.console)

    def print_result(self, text: str) -> int:
        """Print what was asked for, for people; exit code 0, or 8 when standard output cannot be written."""
        safe = neutralise(text.encode(errors="surrogateescape"))
        return self._printed(self.console.result(safe.decode(errors="surrogateescape")))

    def print_document(self, value: Any) -> int:
        """The same as one line of JSON, for programs."""
        return self._printed(self.console.document(value))

    def _printed(self, lost: str) -> int:
        if lost:
            self.console.error(lost)
        return ExitCode.FILE_NOT_WRITTEN if lost else ExitCode.DONE
