"""The build report in a log: which one counts, and what is no report."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.github import step_summary
from image_builder_domain.report.pipeline_log import plain_line, report_text, without_timestamps
from image_builder_domain.report.remote import FIRST_LINE, LAST_LINE, RemoteReport, last_report
from returns.result import Success

from tests.recordings import recorded

IMAGE_KEYS = [
    "variant",
    "reference",
    "digest",
    "size",
    "media_type",
    "platforms",
    "destinations",
    "signatures",
    "failure",
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


def read(log: str) -> RemoteReport:
    found = last_report(log).unwrap()
    assert found is not None
    return found


def test_every_key_is_read() -> None:
    found = read(f"before\n{block(FLAT)}after")
    assert replace(found, images=()) == RemoteReport(
        status="Succeeded",
        pushed=True,
        signed=False,
        image_name="demo",
        images_list=("r.example/p/demo:v1",),
        tags=("v1",),
        repository_path="r.example/p",
        digest=DIGEST,
        architectures=("linux/amd64", "linux/arm64"),
    )


def test_a_report_that_only_lists_images_gets_one_entry_of_details() -> None:
    (entry,) = read(block(FLAT)).images
    assert (entry["digest"], entry["platforms"]) == (DIGEST, ["linux/amd64", "linux/arm64"])
    assert entry["destinations"] == [{"reference": "r.example/p/demo:v1", "holds_digest": True, "reason": ""}]


@given(st.dictionaries(st.sampled_from(IMAGE_KEYS), JSON))
def test_details_have_the_shape_of_our_own_reports_whatever_the_pipeline_says(image: dict[str, Any]) -> None:
    (entry,) = read(block({**FLAT, "images": [image]})).images
    assert list(entry) == IMAGE_KEYS
    assert all(isinstance(place["reference"], str) for place in entry["destinations"])
    assert entry["failure"] is None or isinstance(entry["failure"]["reason"], str)
    report = {"status": "x", "image_name": "x", "not_signed": "", "trust": None, "images": [entry]}
    assert step_summary(report)


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
        "tags": [{"name": "x", "value": "v1"}],
        "repository_path": ["r/p", "s/p"],
        "images": [{"variant": None}],
    }
    found = read(block({**own, "exit_code": 0}))
    assert (found.tags, found.repository_path) == (("v1",), "r/p,s/p")


def test_a_log_without_a_report_has_none() -> None:
    assert last_report("nothing\nhere") == Success(None)


def test_the_last_complete_report_counts() -> None:
    first, second = {**FLAT, "status": "first"}, {**FLAT, "status": "second"}
    cut = block({**FLAT, "status": "third"}).removesuffix(f"{LAST_LINE}\n")
    assert read(block(first) + block(second) + cut).status == "second"


def test_a_report_begins_at_the_last_first_line() -> None:
    assert read(f"{FIRST_LINE}\n{{ broken\n{block(FLAT)}").status == "Succeeded"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"status": NaN}', "no JSON"),
        ('{"status": ' + "9" * 5000 + "}", "no JSON"),
        ('{"status": "\\ud800"}', "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "status is missing, pushed is missing, signed is missing"),
        (json.dumps({**FLAT, "pushed": "true"}), "pushed is of the wrong kind"),
        (json.dumps({**FLAT, "tags": "v1"}), "tags is of the wrong kind"),
        (json.dumps({**FLAT, "images_list": [1]}), "images_list is of the wrong kind"),
        (json.dumps({**FLAT, "digest": 1}), "digest is of the wrong kind"),
        (json.dumps({**FLAT, "digest": f"{DIGEST}\n"}), "digest is of the wrong kind"),
        (json.dumps({**FLAT, "images_list": ["r.example/a:$(id)"]}), "images_list is of the wrong kind"),
        (json.dumps({**FLAT, "images": ["x"]}), "images is of the wrong kind"),
    ],
)
def test_a_broken_report_is_told_and_an_earlier_one_does_not_count(content: str, reason: str) -> None:
    log = f"{block(FLAT)}{FIRST_LINE}\n{content}\n{LAST_LINE}\n"
    assert reason in str(last_report(log).failure())


def test_an_empty_digest_is_none() -> None:
    assert read(block({**FLAT, "digest": ""})).digest is None


@given(st.text())
def test_no_log_makes_it_raise(log: str) -> None:
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
    assert (found.status, found.pushed, found.signed, found.images_list) == ("Succeeded", True, False, images)


def test_timestamps_go_and_everything_else_stays() -> None:
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
def test_marks_and_carriage_returns_are_no_part_of_a_line(line: bytes, plain: bytes) -> None:
    assert plain_line(line) == plain


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert report_text(b"a\xffb") == "a\ufffdb"
