"""Why a run failed: each cause once, and not what follows from it."""

from dataclasses import replace

import pytest
from image_builder_domain.remote_pipeline import FailedRecord
from image_builder_domain.report.build_outcome import Unconfirmed
from image_builder_domain.report.cause import causes
from image_builder_domain.report.report import Report, ReportedPipeline, ReportedRun
from image_builder_domain.signing import SignatureStatus

from tests.unit.reports import failed, image_outcome, reported

RECORD = FailedRecord("Job", "build", "failed", ("why",))
STAGE = FailedRecord("Stage", "all", "failed", ())
INNER = FailedRecord("Task", "compile", "failed", ())


def remote(*records: FailedRecord, said: str = "failed") -> Report:
    run = ReportedRun(7, "https://ado.example/7", said, records, (), "")
    return Report(outcome="failure", pipeline=ReportedPipeline(run, "failed", None, None, 1))


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(reported(), (), id="success"),
        pytest.param(Report(outcome="refused", problems=("a", "b", "a")), ("a", "b"), id="refused"),
        pytest.param(
            reported(failed("line")), ("the build failed: RUN failed; its output is in the log file",), id="build"
        ),
        pytest.param(reported(image_outcome(missing=Unconfirmed("gone"))), ("reg.example/prod/app: gone",), id="push"),
        pytest.param(
            reported(image_outcome(signature=SignatureStatus.FAILED)),
            ("notary: reg.example/prod/app:v1: ",),
            id="signature",
        ),
        pytest.param(remote(STAGE, RECORD, STAGE), (str(RECORD),), id="record"),
        pytest.param(remote(STAGE, INNER), (str(INNER),), id="record-without-issues"),
        pytest.param(remote(said="canceled"), ("run 7: canceled",), id="run"),
        pytest.param(
            replace(reported(), outcome="failure", interrupted="SIGTERM", not_written=("log: full",)),
            ("the run was stopped: SIGTERM", "log: full"),
            id="stopped",
        ),
    ],
)
def test_each_cause_is_named_once(report: Report, expected: tuple[str, ...]) -> None:
    assert causes(report) == expected
