"""What came of a remote build: the run's own word decides, never what its report says."""

from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.exit_code import ExitCode
from image_builder_domain.interruption import Interruption
from image_builder_domain.plan.remote import RemotePlan
from image_builder_domain.remote_pipeline import FinishedRun, FollowFailure, Run, StartFailure, Verdict
from image_builder_domain.report.remote import RemoteReport
from image_builder_domain.trust.job import trust_facts


@final
@dataclass(frozen=True, slots=True)
class RemoteOutcome:
    """A remote build, from its start to its end.

    ``finished`` is there when the run came to an end, ``failure`` when it did not start or could not be followed;
    ``interruption`` is what stopped the work, ``lost`` tells files that could not be written. ``canceled`` says what
    became of the request to cancel the run, empty without one.
    """

    run: Run | None = None
    finished: FinishedRun | None = None
    failure: StartFailure | FollowFailure | None = None
    interruption: Interruption | None = None
    canceled: str = ""
    report: RemoteReport | None = None
    log_path: str | None = None
    duration_seconds: float = 0.0
    lost: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """The run's result as one word, ``unknown`` when it is not known."""
        return self.finished.verdict.value if self.finished is not None else Verdict.UNKNOWN.value

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        if self.interruption is not None:
            return ExitCode(self.interruption.value)
        if self.finished is None or self.finished.verdict is not Verdict.SUCCEEDED:
            return ExitCode.REMOTE_FAILED
        return ExitCode.FILE_NOT_WRITTEN if self.lost else ExitCode.DONE


_NO_REPORT: Final = RemoteReport("", False, False, "", (), (), "")


def remote_report(plan: RemotePlan, outcome: RemoteOutcome) -> dict[str, Any]:
    """The build report of a remote build, in the one format of all reports; also of one that failed.

    What the pipeline says of its images stands beside what is known here: ``exit_code``, ``run`` and ``result``.
    """
    told = outcome.report or _NO_REPORT
    return {
        "status": "success" if outcome.exit_code() is ExitCode.DONE else "failure",
        "exit_code": int(outcome.exit_code()),
        "pushed": told.pushed,
        "signed": told.signed,
        "not_signed": "" if told.signed else _why_not_signed(outcome),
        "trust": trust_facts(plan.job),
        "checkout": None,
        "image_name": told.image_name or plan.name,
        "images_list": list(told.images_list),
        "tags": [{"name": tag, "value": tag} for tag in told.tags],
        "repository_path": [path for path in told.repository_path.split(",") if path],
        "digest": told.digest,
        "architectures": list(told.architectures),
        "interrupted": outcome.interruption.name if outcome.interruption is not None else None,
        "not_written": list(outcome.lost),
        "images": list(told.images),
        "run": _run(outcome),
        "result": outcome.result,
        "pipeline_status": told.status or None,
        "log": outcome.log_path,
        "duration_seconds": round(outcome.duration_seconds, 3),
    }


def _run(outcome: RemoteOutcome) -> dict[str, Any] | None:
    if outcome.run is None:
        return None
    finished = outcome.finished
    return {
        "id": outcome.run.number,
        "url": outcome.run.url,
        "said": finished.said if finished is not None else str(outcome.failure or ""),
        "failed": [
            {"kind": each.kind, "name": each.name, "result": each.result, "issues": list(each.issues)}
            for each in (finished.failed if finished is not None else ())
        ],
        "notes": list(finished.notes) if finished is not None else [],
        "canceled": outcome.canceled,
    }


def _why_not_signed(outcome: RemoteOutcome) -> str:
    return "the pipeline says that it signed nothing" if outcome.report is not None else "the pipeline gave no report"
