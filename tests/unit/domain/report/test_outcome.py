"""Exit codes, the report and the summary."""

from dataclasses import replace

import pytest
from image_builder.presenters.build import summary
from image_builder_domain.build import BuildInterrupted, EngineUnavailable, PushFailed
from image_builder_domain.exit_code import Interruption
from image_builder_domain.report.build_outcome import ImageOutcome, Outcome, Unconfirmed
from image_builder_domain.report.report import ReportedFailure
from image_builder_domain.signing import SignatureStatus

from tests.unit.reports import IMAGE, PLAN, failed, image_outcome, reported

GOOD = image_outcome()
SIGNED = image_outcome(signature=SignatureStatus.ACCEPTED)
UNSIGNED = image_outcome(signature=SignatureStatus.FAILED)
FAILED = failed("oh no")
NOT_PUSHED = image_outcome(PushFailed("gone"), Unconfirmed("gone"))
WRONG = image_outcome(missing=Unconfirmed("holds another digest"))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        pytest.param(Outcome((GOOD,)), 0, id="done"),
        pytest.param(Outcome((SIGNED,)), 0, id="signed"),
        pytest.param(Outcome((FAILED,)), 3, id="build-failed"),
        pytest.param(Outcome((image_outcome(EngineUnavailable("tcp://x", "silent", "start it")),)), 3, id="no-engine"),
        pytest.param(Outcome((NOT_PUSHED,)), 4, id="push-failed"),
        pytest.param(Outcome((WRONG,)), 4, id="destination-holds-another-digest"),
        pytest.param(Outcome((UNSIGNED,)), 5, id="signing-failed"),
        pytest.param(Outcome((GOOD,), lost=("report",)), 8, id="file-lost"),
        pytest.param(Outcome((UNSIGNED,), lost=("report",)), 5, id="signing-before-file"),
        pytest.param(Outcome((FAILED, NOT_PUSHED, UNSIGNED)), 3, id="build-before-push-before-signing"),
        pytest.param(Outcome((image_outcome(BuildInterrupted(Interruption.SIGTERM)),)), 143, id="sigterm"),
        pytest.param(Outcome((FAILED,), Interruption.SIGINT), 130, id="sigint-before-all"),
        pytest.param(Outcome((FAILED,), Interruption.DEADLINE), 7, id="deadline-before-build"),
    ],
)
def test_exit_code_is_the_first_failure_in_the_order_of_the_specification(outcome: Outcome, code: int) -> None:
    assert outcome.exit_code() == code


def test_report_of_a_success_names_the_digest_and_every_reference() -> None:
    found = reported(SIGNED)
    assert (found.outcome, found.pushed, found.signed) == ("success", True, True)
    assert (found.digest, found.images_list) == (str(IMAGE.digest), ("reg.example/prod/app:v1",))
    assert (found.images[0].reference, found.images[0].size) == (f"reg.example/prod/app@{IMAGE.digest}", 524)


def test_report_of_a_failure_says_what_failed_and_lists_nothing_as_pushed() -> None:
    found = reported(FAILED)
    assert (found.outcome, found.pushed, found.signed, found.images_list) == ("failure", False, False, ())
    reason = "the build failed: RUN failed; its output is in the log file"
    assert found.images[0].failure == ReportedFailure(reason, 1, ("oh no",))


@pytest.mark.parametrize("images", [(UNSIGNED,), (SIGNED, UNSIGNED), (GOOD,), (SIGNED, GOOD)])
def test_report_of_a_run_with_a_missing_signature_is_not_signed(images: tuple[ImageOutcome, ...]) -> None:
    assert not reported(*images).signed


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            GOOD,
            ("built in 1.0 s", "  pushed       reg.example/prod/app", "  created      reg.example/prod/app:v1"),
            id="published",
        ),
        pytest.param(FAILED, ("failed in", "  UNCONFIRMED  reg.example/prod/app"), id="build-failed"),
        pytest.param(
            WRONG,
            (
                f"  digest       {IMAGE.digest}",
                "  UNCONFIRMED  reg.example/prod/app",
                "  withheld     reg.example/prod/app:v1: so",
            ),
            id="pushed-unseen",
        ),
        pytest.param(UNSIGNED, ("  failed       reg.example/prod/app:v1 by notary",), id="unsigned"),
        pytest.param(
            replace(UNSIGNED, tags=GOOD.tags), ("  NOT SIGNED   1 tag is visible all the same",), id="visible"
        ),
    ],
)
def test_the_summary_confirms_only_destinations_that_hold_the_digest(
    found: ImageOutcome, words: tuple[str, ...]
) -> None:
    text = summary(PLAN, Outcome((found,)), "report.json")
    assert [word for word in (*words, "  report       report.json") if word not in text] == []
