"""The JSON of a build report, written and read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import Manifest
from image_builder_domain.remote_pipeline import FailedRecord, FinishedRun, Run, Verdict
from image_builder_domain.report.build_outcome import Outcome, report
from image_builder_domain.report.outcome import (
    RemoteOutcome,
    SignedImage,
    SigningOutcome,
    remote_report,
    signing_report,
)
from image_builder_domain.report.report import Report, ReportedImage, ReportedSignature
from returns.result import Failure, Success

from tests.unit.reports import IMAGE, PLAN, REFERENCE, REMOTE_PLAN, SIGN_PLAN, SIGNED, as_json, failed

PUBLIC_TYPES = {
    "status": str,
    "pushed": bool,
    "signed": bool,
    "image_name": str,
    "images_list": list,
    "tags": list,
    "repository_path": str,
    "digest": str,
    "architectures": list,
}
"""The members that other programs read, with their types."""

MEMBERS = (
    *PUBLIC_TYPES,
    *("outcome", "exit_code", "not_signed", "trust", "checkout", "tag_names", "repositories"),
    *("interrupted", "not_written", "images"),
)
RUN = Run(7, "https://ado.example/7")
ENDED = FinishedRun(RUN, Verdict.FAILED, "failed", (FailedRecord("Job", "build", "failed", ("why",)),), ("late",))
FROM_PIPELINE = Report(outcome="failed", images=(ReportedImage(signatures=(ReportedSignature("s"),)),))
MANIFEST = Manifest(IMAGE, None, ("linux/amd64",))
SIGNED_IMAGE = SignedImage(REFERENCE, MANIFEST, "", SIGNED.signatures)
PIPELINE_MEMBERS = ("run", "result", "pipeline_status", "log", "duration_seconds")


@pytest.mark.parametrize(
    ("made", "more"),
    [
        pytest.param(report(PLAN, Outcome((SIGNED,))), (), id="build"),
        pytest.param(report(PLAN, Outcome((failed("x"),), Interruption.SIGTERM, ("log",))), (), id="failed-build"),
        pytest.param(signing_report(SIGN_PLAN, SigningOutcome((SIGNED_IMAGE,))), (), id="signing"),
        pytest.param(signing_report(SIGN_PLAN, SigningOutcome((SignedImage(REFERENCE, None),))), (), id="unsigned"),
        pytest.param(
            remote_report(REMOTE_PLAN, RemoteOutcome(RUN, ENDED, report=FROM_PIPELINE)), PIPELINE_MEMBERS, id="remote"
        ),
        pytest.param(remote_report(REMOTE_PLAN, RemoteOutcome()), PIPELINE_MEMBERS, id="no-run"),
        pytest.param(Report(outcome="refused", image_name="app", problems=("x",)), ("problems",), id="refused"),
        pytest.param(Report(outcome="running", problems=()), ("problems",), id="running"),
    ],
)
def test_every_run_makes_a_report_that_can_be_read_again(made: Report, more: tuple[str, ...]) -> None:
    document = made.to_json()
    assert tuple(document) == (*MEMBERS, *more)
    assert {name: type(document[name]) for name in PUBLIC_TYPES} == PUBLIC_TYPES
    assert all(isinstance(each, str) for name in ("images_list", "tags", "architectures") for each in document[name])
    assert document["status"] == ("Succeeded" if made.exit_code == 0 else "Failed")
    assert Report.from_json(b"\xef\xbb\xbf" + json.dumps(document).encode(), "report.json") == Success(made)


def test_unknown_members_are_ignored() -> None:
    assert Report.from_json(json.dumps(as_json(future=1)).encode(), "f").unwrap().to_json() == as_json()


def test_a_report_of_a_version_without_trust_and_checkout_is_read() -> None:
    written = as_json()
    del written["trust"], written["checkout"]
    assert Report.from_json(json.dumps(written).encode(), "f").unwrap().to_json() == as_json(trust=None, checkout=None)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param([], "it is not an object", id="list"),
        pytest.param({}, "outcome is missing", id="empty"),
        pytest.param(as_json(images=[7]), "images[0] is not an object", id="image"),
        pytest.param(as_json(images=None), "images is not a list", id="null"),
        pytest.param(as_json(images_list=["a", 7]), "images_list[1] is not text", id="text"),
        pytest.param(as_json(pushed="true"), "pushed is not true or false", id="flag"),
        pytest.param(as_json(exit_code=True), "exit_code is not a number", id="number"),
        pytest.param(as_json(result="failed"), "run is missing", id="half-a-pipeline"),
        pytest.param(as_json(trust={"side": "local"}), "trust.reason is missing", id="nested"),
    ],
)
def test_a_malformed_report_is_refused_with_the_place(content: object, what: str) -> None:
    (problem,) = Report.from_json(json.dumps(content).encode(), "report.json").failure()
    assert (problem.where, problem.what) == ("report.json", f"this is not a build report: {what}")


NAMES = st.sampled_from(["status", "images", "digest", "destinations", "signatures", "reference", "signer", "result"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
NESTED = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner))


@given(NESTED, st.dictionaries(NAMES, NESTED))
def test_reading_json_never_raises(content: object, changes: dict[str, Any]) -> None:
    for each in (content, as_json() | changes):
        assert isinstance(Report.from_json(json.dumps(each).encode(), "f"), (Success, Failure))


@given(st.binary())
def test_reading_bytes_never_raises(content: bytes) -> None:
    assert isinstance(Report.from_json(content, "f"), (Success, Failure))
