"""The evidence of a run for later steps: its report, other files, and the outputs of the CI system.

A later step may run even if this one failed. So everything that an earlier run left, or that a commit contains, is
replaced before anything else is done, and a run that is refused or interrupted says so in the same places.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final, final

from image_builder_adapters.redaction import Redactor
from image_builder_domain.artifacts import EvidenceFiles
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.job.detection import detect
from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.report.report import Report
from image_builder_domain.trust.side import Side
from returns.methods import unwrap_or_failure

from image_builder.default_folders import engine_state_directory
from image_builder.options import Options, field_of
from image_builder.presenters import azure_pipelines, github, prow, tekton
from image_builder.presenters.console import Console

_REPORT: Final = "build-report-path"
_FILES: Final = {
    "build": _REPORT,
    "remote": _REPORT,
    "sign": _REPORT,
    "publish": _REPORT,
    "tags": "tags-output-file",
    "preview": "ado-preview-output",
}
"""The flag that names the file of each mode that leaves evidence."""

_TEKTON: Final = "--tekton-results"
_GITHUB_FILES: Final = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
_TOO_LARGE: Final = "GITHUB_OUTPUT: the build report is too large for the output build-report; use --build-report-path"


@final
class Evidence:
    """The evidence of one run.

    ``modes`` are the modes of ``_FILES`` that were asked for: more than one when the command line contradicts itself,
    which leaves the evidence of all of them.
    """

    def __init__(
        self,
        modes: Collection[str],
        options: Options,
        environment: Mapping[str, str],
        redactor: Redactor,
        console: Console,
        files: EvidenceFiles,
    ) -> None:
        self._modes = modes
        self._options = options
        self._environment = environment
        self._redactor = redactor
        self._console = console
        self._artifacts = files
        self._unusable = set[str]()
        self._started = time.monotonic()

    def begin(self) -> Problems:
        """Check every place, then write an unfinished report where an earlier run may have left a success.

        A problem names a place that cannot be used; nothing is changed then.
        """
        problems = (*self._check_files(), *self._check_folders())
        if problems:
            return problems
        failures = self._write_files(self._unfinished("running", "the run has not finished"))
        return tuple(Problem("evidence", failure) for failure in failures)

    def refused(self, problems: Problems) -> tuple[str, ...]:
        """Write to every place that this run was refused, and why; return what could not be written."""
        reasons = tuple(dict.fromkeys(map(str, problems)))
        refused = self._unfinished("refused", "the run was refused", reasons)
        return self._write(replace(refused, exit_code=int(ExitCode.REFUSED)))

    def interrupted(self, reason: Interruption) -> tuple[str, ...]:
        """Write to every place that this run was stopped before it started; return what could not be written."""
        stopped = self._unfinished("failure", "the run was stopped before anything was started")
        return self._write(replace(stopped, exit_code=reason.value, interrupted=reason.name))

    def finish(self, report: Callable[[tuple[str, ...]], Report], lost: tuple[str, ...]) -> tuple[str, ...]:
        """Write the report to every place and, where asked for, print it; return what could not be written.

        ``report`` makes the report of a run that lost these files; ``lost`` are those that are lost already. The
        report's file agrees with the exit code: if anything is lost, it is written again.
        """
        failures = tuple(self._write_files(report(lost)))
        late: tuple[str, ...] = ()
        for write in (self._add_to_github, self._print_state, self._print_report):
            late = (*late, *write(report((*lost, *failures, *late))))
        if failures or late:
            failures = (*failures, *self._write_report(report((*lost, *failures, *late))))
        return tuple(dict.fromkeys((*failures, *late)))

    def _unfinished(self, outcome: str, why: str, problems: tuple[str, ...] = ()) -> Report:
        """The report of a run that did nothing (yet)."""
        # Only the report of a published image may show a secret in its name.
        name = self._redactor.text(self._options.name or "")
        return Report(outcome=outcome, image_name=name, not_signed=why, problems=problems)

    @property
    def _is_build(self) -> bool:
        return not {"build", "remote", "publish"}.isdisjoint(self._modes)

    @property
    def _is_github(self) -> bool:
        return self._is_build and detect(self._environment) is CiSystem.GITHUB

    # --- checks -----------------------------------------------------------------------------------------------------

    def _files(self) -> Iterator[tuple[str, str]]:
        """Each file of these modes by its flag or variable."""
        for flag in dict.fromkeys(_FILES[mode] for mode in self._modes):
            path = getattr(self._options, field_of(flag))
            if path is not None:
                yield f"--{flag}", path
        folder = self._environment.get("ARTIFACTS")
        if self._is_build and folder and self._environment.get("PROW_JOB_ID"):
            yield from (("ARTIFACTS", os.path.join(folder, name)) for name in prow.FILES)
        results = self._options.tekton_results
        if self._is_build and results is not None:
            yield from ((_TEKTON, os.path.join(results, name)) for name in tekton.FILES)

    def _check_files(self) -> Iterator[Problem]:
        """One problem for each flag or variable, though a variable may name the folder of several files."""
        problems: dict[str, Problem] = {}
        for place, path in self._files():
            checked = unwrap_or_failure(self._artifacts.check(path))
            if isinstance(checked, ArtifactFailure):
                self._unusable.add(path)
                problems.setdefault(place, Problem(place, str(checked)))
        yield from problems.values()

    def _check_folders(self) -> Iterator[Problem]:
        if not self._is_build:
            return
        checked = unwrap_or_failure(self._artifacts.check_logs())
        if isinstance(checked, ArtifactFailure):
            yield Problem("--log-dir", str(checked))
        kept = [os.path.join(engine_state_directory(self._environment, side), "buildkit") for side in Side]
        for link in dict.fromkeys(self._artifacts.link_on(folder) for folder in kept):
            if link:
                remedy = "remove the link, or set the variable to another folder"
                yield Problem("XDG_STATE_HOME", f"the state folder cannot be used: {link}", remedy)
        for name in _GITHUB_FILES if self._is_github else ():
            added = self._add(name, b"")
            if isinstance(added, ArtifactFailure):
                self._unusable.add(name)
                yield Problem(name, str(added))

    # --- writing ----------------------------------------------------------------------------------------------------

    def _write(self, report: Report) -> tuple[str, ...]:
        return (*self._write_files(report), *self._add_to_github(report), *self._print_state(report))

    def _write_files(self, report: Report) -> list[str]:
        """Write the report; another result of an earlier run is removed: an empty one could be taken for a result."""
        redacted = self._redactor.report(report)
        contents = {path: self._content(place, path, redacted) for place, path in self._files()}
        return [reason for path, content in contents.items() if (reason := self._put(path, content))]

    def _write_report(self, report: Report) -> list[str]:
        """Write the report's file alone."""
        paths = [path for place, path in self._files() if place == f"--{_REPORT}"]
        content = _as_json(self._redactor.report(report))
        return [reason for path in paths if (reason := self._put(path, content))]

    def _content(self, place: str, path: str, report: Report) -> bytes | None:
        """The content of the file of a flag or variable; None where that is not made from a report."""
        if place == "ARTIFACTS":
            return prow.FILES[os.path.basename(path)](report, time.monotonic() - self._started)
        if place == _TEKTON:
            return tekton.FILES[os.path.basename(path)](report)
        return _as_json(report) if place == f"--{_REPORT}" else None

    def _put(self, path: str, content: bytes | None) -> str:
        """Write a file, or remove it; why that failed, or nothing."""
        if path in self._unusable:
            return ""
        done = self._artifacts.discard(path) if content is None else self._artifacts.write(path, content)
        failure = unwrap_or_failure(done)
        if not isinstance(failure, ArtifactFailure):
            return ""
        self._artifacts.discard(path)  # on a full disk, for example: the file of an earlier run must not stay
        return str(failure)

    def _add_to_github(self, report: Report) -> Iterator[str]:
        """Add to the files that GitHub Actions names; each output begins and ends with an unpredictable delimiter."""
        if not self._is_github:
            return
        redacted = self._redactor.report(report)
        values = github.outputs(redacted)
        contents = (
            github.output_file(values, f"image-builder-{os.urandom(16).hex()}"),
            github.step_summary(redacted),
        )
        for name, content in zip(_GITHUB_FILES, contents, strict=True):
            added = self._add(name, content)
            if isinstance(added, ArtifactFailure):
                yield f"{name}: {added}"
        if self._environment.get("GITHUB_OUTPUT") and "build-report" not in values:
            yield _TOO_LARGE

    def _add(self, name: str, content: bytes) -> str | ArtifactFailure | None:
        """Add to the file that a variable names; None where there is none, or where it cannot be used."""
        path = self._environment.get(name)
        return unwrap_or_failure(self._artifacts.append(path, content)) if path and name not in self._unusable else None

    def _print_state(self, report: Report) -> tuple[str, ...]:
        """Set the variables of Azure Pipelines."""
        if not self._options.ado_state_output or all(_FILES[mode] != _REPORT for mode in self._modes):
            return ()
        lost = self._console.command(azure_pipelines.state_output(report, was_built=self._is_build))
        return (lost,) if lost else ()

    def _print_report(self, report: Report) -> tuple[str, ...]:
        """Print the report as the result of this run."""
        lost = self._console.document(report.to_json()) if self._options.is_json else ""
        return (lost,) if lost else ()


def _as_json(report: Report) -> bytes:
    return json.dumps(report.to_json(), indent=2).encode() + b"\n"
