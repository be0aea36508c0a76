"""The log of a pipeline: its lines, and the build report in it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.github import step_summary
from image_builder_domain.report.pipeline_log import (
    FIRST_LINE,
    LAST_LINE,
    last_report,
    plain_line,
    report_text,
    without_timestamps,
)
from image_builder_domain.report.report import (
    Report,
    ReportedDestination,
    ReportedFailure,
    ReportedImage,
    ReportedSignature,
    ReportedTag,
)
from returns.result import Success

from tests.recordings import recorded

IMAGE_KEYS = [
    "variant",
    "reference",
    "digest",
    "size",
    "media_type",
    "platforms",
    "repositories",
    "destinations",
    "signatures",
    "failure",
    "steps",
    "warnings",
    "output_clipped",
    "log",
    "duration_seconds",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "holds_digest", "reason", "signer", "last_lines"]), inner)
    ),
    max_leaves=8,
)
DIGEST = "sha256:" + "a" * 64
FLAT: dict[str, Any] = {
    "status": "Succeeded",
    "pushed": True,
    "signed": False,
    "image_name": "demo",
    "images_list": ["r.example/p/demo:v1"],
    "tags": ["v1"],
    "repository_path": "r.example/p",
    "digest": DIGEST,
    "architectures": ["linux/arm64", "linux/amd64"],
}


def block(content: object) -> str:
    return f"{FIRST_LINE}\n{json.dumps(content, indent=2)}\n{LAST_LINE}\n"


def read(log: str) -> Report:
    found = last_report(log).unwrap()
    assert found is not None
    return found


def test_every_member_is_read() -> None:
    platforms = ("linux/amd64", "linux/arm64")
    place = ReportedDestination("r.example/p/demo:v1", True)
    assert read(f"before\n{block(FLAT)}after") == Report(
        outcome="Succeeded",
        pushed=True,
        image_name="demo",
        images_list=("r.example/p/demo:v1",),
        tag_names=(ReportedTag("v1", "v1"),),
        repository_path="r.example/p",
        repositories=("r.example/p/demo",),
        digest=DIGEST,
        architectures=platforms,
        images=(ReportedImage(digest=DIGEST, platforms=platforms, destinations=(place,)),),
    )


@given(st.dictionaries(st.sampled_from(IMAGE_KEYS), JSON))
def test_an_image_has_the_members_of_our_own_reports_with_any_content(image: dict[str, Any]) -> None:
    found = read(block({**FLAT, "images": [image]}))
    (entry,) = found.to_json()["images"]
    assert list(entry) == IMAGE_KEYS
    assert all(isinstance(place["reference"], str) for place in entry["destinations"])
    assert entry["failure"] is None or isinstance(entry["failure"]["reason"], str)
    assert step_summary(found)


def test_members_of_the_wrong_type_get_their_default() -> None:
    image = {
        "variant": "1.9",
        "size": "large",
        "platforms": ["linux/amd64", 7],
        "destinations": [{"reference": 7, "holds_digest": "true"}, "place"],
        "signatures": [{"signer": "s", "status": "signed", "attempts": True, "note": "left out"}],
        "failure": {"engine_exit_code": 1, "last_lines": ["one", None]},
        "duration_seconds": 1.5,
    }
    (found,) = read(block({**FLAT, "images": [image]})).images
    assert found == ReportedImage(
        variant="1.9",
        platforms=("linux/amd64",),
        destinations=(ReportedDestination(),),
        signatures=(ReportedSignature("s", status="signed"),),
        failure=ReportedFailure("", 1, ("one",)),
        duration_seconds=1.5,
    )


@pytest.mark.parametrize("path", ["r.example/p", "r.example/p/"])
def test_the_first_format_names_its_images_with_one_slash(path: str) -> None:
    old = {
        "status": "Succeeded", "pushed": True, "signed": False, "is_production": False,
        "image_spec": {"image_name": "a/demo", "tags": ["v1", "v2"], "repository_path": path},
    }  # fmt: skip
    assert read(block(old)).images_list == ("r.example/p/a/demo:v1", "r.example/p/a/demo:v2")


def test_our_own_report_is_read() -> None:
    own = {
        **FLAT,
        "tag_names": [{"name": "x", "value": "v1"}],
        "images": [{"variant": None}],
    }
    found = read(block({**own, "exit_code": 0}))
    assert (found.tags, found.tag_names) == (("v1",), (ReportedTag("x", "v1"),))


def test_a_log_without_a_report_has_none() -> None:
    assert last_report("nothing\nhere") == Success(None)


def test_the_last_complete_report_counts() -> None:
    first, second = {**FLAT, "status": "first"}, {**FLAT, "status": "second"}
    cut = block({**FLAT, "status": "third"}).removesuffix(f"{LAST_LINE}\n")
    assert read(block(first) + block(second) + cut).outcome == "second"


def test_a_report_begins_at_the_last_first_line() -> None:
    assert read(f"{FIRST_LINE}\n{{ broken\n{block(FLAT)}").outcome == "Succeeded"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"status": NaN}', "not JSON"),
        ('{"status": ' + "9" * 5000 + "}", "not JSON"),
        ('{"status": "\\ud800"}', "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "status is missing, pushed is missing, signed is missing"),
        (json.dumps({**FLAT, "pushed": "true"}), "pushed has the wrong type"),
        (json.dumps({**FLAT, "tags": "v1"}), "tags has the wrong type"),
        (json.dumps({**FLAT, "images_list": [1]}), "images_list has the wrong type"),
        (json.dumps({**FLAT, "digest": 1}), "digest has the wrong type"),
        (json.dumps({**FLAT, "digest": f"{DIGEST}\n"}), "digest has the wrong type"),
        (json.dumps({**FLAT, "images_list": ["r.example/a:$(id)"]}), "images_list has the wrong type"),
        (json.dumps({**FLAT, "images": ["x"]}), "images has the wrong type"),
    ],
)
def test_a_broken_report_is_rejected_and_an_earlier_one_does_not_count(content: str, reason: str) -> None:
    log = f"{block(FLAT)}{FIRST_LINE}\n{content}\n{LAST_LINE}\n"
    assert reason in str(last_report(log).failure())


def test_a_pipeline_may_report_no_digest() -> None:
    assert read(block({**FLAT, "digest": None})).digest == ""


@given(st.text())
def test_reading_a_log_never_raises(log: str) -> None:
    last_report(log)
    last_report(f"{FIRST_LINE}\n{log}\n{LAST_LINE}")


@pytest.mark.parametrize(
    ("file", "images"),
    [
        (
            "log-text-200-build-report-2025-01.json",
            ("europe-docker.pkg.dev/kyma-project/dev/github-tools-sap/conduit-cli:PR-477",),
        ),
        ("log-text-200-build-report-2025-04.json", ("europe-docker.pkg.dev/kyma-project/dev/cors-proxy:PR-12975",)),
    ],
)
def test_recorded_reports_are_read(file: str, images: tuple[str, ...]) -> None:
    text = recorded("ado", file)["response"]["body_text"]
    found = read(report_text(text.encode()))
    assert (found.outcome, found.pushed, found.signed, found.images_list) == ("Succeeded", True, False, images)


def test_timestamps_are_removed_and_everything_else_stays() -> None:
    lines = b"2026-05-04T08:16:01.1234567Z one\n"
    lines += b"2026-05-04T08:16:01.1234567Z \nno stamp\n2026-05-04T08:16:01.1234567Z\n2026-05-04T08:16:01.123Z six\n"
    assert without_timestamps(lines) == b"one\n\nno stamp\n\n2026-05-04T08:16:01.123Z six\n"


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (b"\xef\xbb\xbftext", b"text"),
        (b"\xef\xbb\xbf\xef\xbb\xbftext\r", b"text"),
        (b"a\xef\xbb\xbf", b"a\xef\xbb\xbf"),
        (b"", b""),
    ],
)
def test_byte_order_marks_and_carriage_returns_are_not_part_of_a_line(line: bytes, plain: bytes) -> None:
    assert plain_line(line) == plain


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert report_text(b"a\xffb") == "a\ufffdb"
