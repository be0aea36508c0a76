"""One call of the command: what was asked, where, and who hears about it. Every mode is carried out from it."""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.interruption import Interruption
from image_builder_domain.problem import Problem, Problems, first_problems

from image_builder.presenters.console import Console

if TYPE_CHECKING:
    from image_builder_domain.configuration.file import Configuration
    from returns.result import Result

    from image_builder.evidence import Evidence

_MODE_FLAGS = {"parse-tags-only": "tags", "sign-only": "sign", "ado-preview-run": "preview"}
"""Flags that choose a mode as a verb does; they work for ever."""

_BUILDS = ("build", "plan")
_PREVIEW_FLAGS = ("ado-preview-run-yaml-path", "ado-preview-output")
_NEEDS = {
    **dict.fromkeys(_PREVIEW_FLAGS, "it needs the mode preview (--ado-preview-run)"),
    "test-kaniko-build-config": "it needs the Azure DevOps backend (--build-in-ado)",
}
_OF_A_BUILD = (
    *("name", "context", "dockerfile", "target", "platform", "build-arg", "env-file", "variant", "tag", "tag-base64"),
    *("export-tags", "backend", "build-in-ado", "max-parallel", "keep-going"),
)
_LEAVE_EVIDENCE = {"build", "sign", "tags", "preview"}
_ASKED_BY_DOCTOR = ("name", "context", "backend", "build-in-ado")
_EVIDENCE = ("build-report-path", "ado-state-output", "dry-run")
_OF_AN_ENGINE = ("log-dir", "silent")
_MEANINGLESS = {
    **dict.fromkeys(_BUILDS, ("images-to-sign", "report", "tags-output-file")),
    "tags": ("images-to-sign", "report", "dry-run"),
    "sign": (*_OF_A_BUILD, *_OF_AN_ENGINE, "report", "tags-output-file"),
    "verify": (*_OF_A_BUILD, *_OF_AN_ENGINE, *_EVIDENCE, "images-to-sign", "tags-output-file"),
    "preview": (*_OF_AN_ENGINE, "images-to-sign", "report", "tags-output-file"),
    "doctor": (
        *(flag for flag in _OF_A_BUILD if flag not in _ASKED_BY_DOCTOR),
        *(*_OF_AN_ENGINE, *_EVIDENCE, "images-to-sign", "report", "tags-output-file"),
    ),
    "schema": (
        *(*_OF_A_BUILD, *_OF_AN_ENGINE, *_EVIDENCE, "images-to-sign", "report", "tags-output-file"),
        *("config", "repo", "require-production", "timeout"),
    ),
}
"""Flags that a mode would have to ignore. ``tags`` takes those of a build: jobs ask both with one command line."""


class Invocation:
    """A scanned command line and its surroundings.

    ``flags`` has every flag with its value or default, ``given`` the names that were written, ``words`` what is no
    flag. ``early`` holds the problems of the command line itself. ``environment`` is the tool's own.
    ``cancellation`` stops the run.
    """

    __slots__ = (
        *("cancellation", "console", "early", "environment", "evidence", "flags", "given", "redactor", "verb"),
        "words",
    )

    def __init__(
        self,
        verb: str,
        flags: Mapping[str, Any],
        given: Set[str],
        words: tuple[str, ...],
        environment: Mapping[str, str],
        early: Problems,
        console: Console,
        redactor: Redactor,
        cancellation: SignalCancellation,
    ) -> None:
        self.verb = verb
        self.flags = flags
        self.given = given
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

    def write_evidence(self, report: Mapping[str, Any]) -> list[str]:
        """Write a report to every place that later steps read; what could not be written."""
        return self.evidence.write(report) if self.evidence is not None else []

    def _open_evidence(self) -> "Evidence | None":
        """None where nothing would be left: such a mode need not load what writes."""
        flagged = {mode for flag, mode in _MODE_FLAGS.items() if self.flags[flag]}
        modes = {self.verb, *flagged} & _LEAVE_EVIDENCE
        if not modes or self.flags["dry-run"] or (modes == {"tags"} and self.flags["tags-output-file"] is None):
            return None
        from image_builder.evidence import Evidence

        return Evidence(modes, self.flags, self.environment, self.redactor, self.console)

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


def mode_of(verb: str, flags: Mapping[str, Any]) -> tuple[str, Problems]:
    """The mode (a verb's name) that verb and flags choose together; a problem for each flag that contradicts."""
    asked = [(flag, mode) for flag, mode in _MODE_FLAGS.items() if flags[flag]]
    mode = asked[0][1] if verb == "build" and asked else verb
    wrong = tuple(
        Problem(f"--{flag}", f"it asks for the mode {other}, but this is {mode}", "leave one of them out")
        for flag, other in asked
        if other != mode
    )
    return mode, wrong


def is_remote(mode: str, flags: Mapping[str, Any]) -> bool:
    """Whether a pipeline of Azure DevOps does the work."""
    return mode == "preview" or (mode in _BUILDS and bool(flags["build-in-ado"] or flags["backend"] == "ado"))


def misplaced(mode: str, given: Set[str], flags: Mapping[str, Any]) -> Problems:
    """A problem for each flag that this mode would have to ignore."""
    wrong = [name for name in _PREVIEW_FLAGS if name in given and mode != "preview"]
    if mode != "tags" and flags["test-kaniko-build-config"] and not is_remote(mode, flags):
        wrong.append("test-kaniko-build-config")
    return (
        *(Problem(f"--{name}", _NEEDS[name], "leave it out, or add that") for name in wrong),
        *(
            Problem(f"--{name}", f"it has no meaning for the mode {mode}", "leave it out")
            for name in _MEANINGLESS[mode]
            if name in given
        ),
    )
