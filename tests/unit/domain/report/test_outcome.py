"""Exit codes, the report and the summary."""

import pytest
from image_builder.presenters.summary import summary
from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.interruption import Interruption
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan
from image_builder_domain.report.outcome import DestinationOutcome, ImageOutcome, Outcome
from image_builder_domain.report.report import report
from image_builder_domain.signing import SignatureResult, SignatureStatus

from tests.unit.jobs import as_claimed

REFERENCE = ImageReference.parse("reg.example/app:1").unwrap()
IMAGE = Descriptor(OCI_MANIFEST, Digest("sha256:" + "a" * 64), 524)
REQUEST = BuildRequest("app", None, "/src", "Dockerfile", (REFERENCE,))
PLAN = Plan(
    "app",
    as_claimed(GitState(CiSystem.LOCAL, JobType.LOCAL, "a" * 40)),
    (),
    (REQUEST,),
    (),
    "the configuration defines no signer",
    (),
)


def signature(status: SignatureStatus) -> SignatureResult:
    return SignatureResult("notary", REFERENCE, IMAGE.digest, status, 1, 0.1)


def image(
    failure: BuildFailure | None = None, missing: str = "", status: SignatureStatus | None = None
) -> ImageOutcome:
    signatures = (signature(status),) if status is not None else ()
    place = DestinationOutcome(REFERENCE, missing)
    built = IMAGE if failure is None else None
    return ImageOutcome(REQUEST, built, failure, ("linux/amd64",), (place,), signatures, "/log", 1.0)


GOOD = image()
SIGNED = image(status=SignatureStatus.ACCEPTED)
UNSIGNED = image(status=SignatureStatus.FAILED)
FAILED = image(BuildFailed("RUN failed", ("oh no",), 1), "not asked: the engine reported no digest")
NOT_PUSHED = image(PushFailed("gone"), "gone")
WRONG = image(missing="holds another digest")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        pytest.param(Outcome((GOOD,)), 0, id="done"),
        pytest.param(Outcome((SIGNED,)), 0, id="signed"),
        pytest.param(Outcome((FAILED,)), 3, id="build-failed"),
        pytest.param(Outcome((image(EngineUnavailable("tcp://x", "silent", "start it")),)), 3, id="no-engine"),
        pytest.param(Outcome((NOT_PUSHED,)), 4, id="push-failed"),
        pytest.param(Outcome((WRONG,)), 4, id="destination-holds-another-digest"),
        pytest.param(Outcome((UNSIGNED,)), 5, id="signing-failed"),
        pytest.param(Outcome((GOOD,), lost=("report",)), 8, id="file-lost"),
        pytest.param(Outcome((UNSIGNED,), lost=("report",)), 5, id="signing-before-file"),
        pytest.param(Outcome((FAILED, NOT_PUSHED, UNSIGNED)), 3, id="build-before-push-before-signing"),
        pytest.param(Outcome((image(BuildInterrupted(Interruption.SIGTERM)),)), 143, id="sigterm"),
        pytest.param(Outcome((FAILED,), Interruption.SIGINT), 130, id="sigint-before-all"),
        pytest.param(Outcome((FAILED,), Interruption.DEADLINE), 7, id="deadline-before-build"),
    ],
)
def test_exit_code_is_the_first_failure_in_the_order_of_the_specification(outcome: Outcome, code: int) -> None:
    assert outcome.exit_code() == code


def test_report_of_a_success_names_the_digest_and_every_place() -> None:
    told = report(PLAN, Outcome((SIGNED,)))
    assert told["status"] == "success"
    assert (told["pushed"], told["signed"]) == (True, True)
    assert told["digest"] == str(IMAGE.digest)
    assert told["images_list"] == ["reg.example/app:1"]
    assert told["images"][0]["reference"] == f"reg.example/app@{IMAGE.digest}"
    assert told["images"][0]["size"] == 524


def test_report_of_a_failure_says_what_failed_and_lists_nothing_as_pushed() -> None:
    told = report(PLAN, Outcome((FAILED,)))
    assert told["status"] == "failure"
    assert (told["pushed"], told["signed"], told["images_list"]) == (False, False, [])
    assert told["images"][0]["failure"]["last_lines"] == ["oh no"]
    assert told["images"][0]["failure"]["engine_exit_code"] == 1


def test_report_never_calls_an_image_signed_that_one_signer_refused() -> None:
    assert report(PLAN, Outcome((UNSIGNED,)))["signed"] is False


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(GOOD, ("built in 1.0 s", "  pushed       reg.example/app:1"), id="published"),
        pytest.param(FAILED, ("failed in", "  UNCONFIRMED  reg.example/app:1"), id="build-failed"),
        pytest.param(WRONG, (f"  digest       {IMAGE.digest}", "  UNCONFIRMED  reg.example/app:1"), id="pushed-unseen"),
        pytest.param(UNSIGNED, ("  failed       reg.example/app:1 by notary",), id="unsigned"),
    ],
)
def test_the_summary_says_of_each_place_no_more_than_is_known(found: ImageOutcome, words: tuple[str, ...]) -> None:
    told = summary(PLAN, Outcome((found,)), "report.json")
    assert [word for word in (*words, "  report       report.json") if word not in told] == []
