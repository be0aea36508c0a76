"""Reading a build report again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.image.reference import Digest
from image_builder_domain.report.build_report import ReportedSignature, read_report
from image_builder_domain.signing import SignatureStatus
from returns.result import Failure, Success

DIGEST = f"sha256:{'a' * 64}"
ONE, TWO = "r.example/prod/app:v1", "r.example/prod/app:latest"


KEYS = st.sampled_from(["images", "digest", "destinations", "signatures", "reference", "signer", "status"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
NESTED = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner))


def report(**changes: Any) -> dict[str, Any]:
    image = {
        "digest": DIGEST,
        "destinations": [
            {"reference": ONE, "holds_digest": True, "reason": ""},
            {"reference": TWO, "holds_digest": False, "reason": "gone"},
        ],
        "signatures": [
            {"signer": "s", "reference": ONE, "status": "signed"},
            {"signer": "t", "reference": ONE, "status": "failed"},
            {"signer": "s", "reference": TWO, "status": "accepted"},
        ],
    }
    return {"not_signed": "", "images": [image | changes]}


def read(content: object) -> Any:
    return read_report(json.dumps(content).encode(), "report.json")


def test_each_published_reference_comes_with_its_own_signatures() -> None:
    (image,) = read(report()).unwrap()
    assert (str(image.reference), image.digest) == (ONE, Digest(DIGEST))
    assert image.signatures == (
        ReportedSignature("s", SignatureStatus.SIGNED),
        ReportedSignature("t", SignatureStatus.FAILED),
    )


def test_an_image_that_was_not_built_is_left_out() -> None:
    content = report()
    content["images"].append({"digest": None, "destinations": [], "signatures": []})
    assert len(read(content).unwrap()) == 1


def test_why_nobody_signed_is_kept() -> None:
    content = report(signatures=[]) | {"not_signed": "the configuration defines no signer"}
    assert read(content).unwrap()[0].not_signed == ": the configuration defines no signer"


def test_a_byte_order_mark_does_not_matter() -> None:
    assert isinstance(read_report(b"\xef\xbb\xbf" + json.dumps(report()).encode(), "r"), Success)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param([], "it is no object", id="list"),
        pytest.param({}, "images is no list", id="nothing"),
        pytest.param({"images": [7]}, "an entry of images is no object", id="image"),
        pytest.param(report(digest="x"), "a digest is malformed", id="digest"),
        pytest.param(report(digest=7), "a digest is malformed", id="number"),
        pytest.param(report(signatures=None), "signatures is no list", id="signatures"),
        pytest.param(report(signatures=[{"reference": ONE, "status": "good"}]), "no signer", id="signer"),
        pytest.param(
            report(signatures=[{"signer": "s", "reference": ONE, "status": "good"}]), "no known status", id="status"
        ),
        pytest.param(
            report(signatures=[{"signer": "s", "reference": ONE, "status": ["signed"]}]),
            "no known status",
            id="list-status",
        ),
        pytest.param(
            report(destinations=[{"reference": "a b", "holds_digest": True}]), "reference is malformed", id="place"
        ),
        pytest.param({"images": []}, "tells of no published image", id="none"),
        pytest.param(report(destinations=[]), "tells of no published image", id="unpublished"),
    ],
)
def test_anything_else_is_refused_with_its_file(content: object, word: str) -> None:
    (problem,) = read(content).failure()
    assert problem.where == "report.json"
    assert word in problem.what


@given(NESTED)
def test_no_json_makes_it_raise(content: object) -> None:
    assert isinstance(read(content), (Success, Failure))


@given(st.binary())
def test_no_bytes_make_it_raise(content: bytes) -> None:
    assert isinstance(read_report(content, "r"), (Success, Failure))
