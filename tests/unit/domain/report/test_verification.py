"""What is verified: of images on the command line, and of a report."""

import json
from typing import Any

import pytest
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.notary.settings import NotarySettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.report.verification import (
    Claim,
    PublishedImage,
    VerificationInputs,
    decide_claims,
    published_images,
)
from image_builder_domain.signing import SignatureStatus
from returns.result import Failure, Result, Success

from tests.unit.reports import as_json, failed

IMAGE = "r.example/prod/app:v1"
DIGEST = Digest(f"sha256:{'a' * 64}")


def signer(name: str, job_types: tuple[JobType, ...] = ()) -> SignerDefinition:
    settings = NotarySettings("https://s.example") if name.startswith("notary") else CosignSettings("k")
    return SignerDefinition(name, name, job_types, settings, "config.yaml:1:1")


CONFIGURATION = Configuration(
    file="config.yaml",
    signers=(signer("notary"), signer("one", (JobType.PRESUBMIT,)), signer("two"), signer("three")),
    enabled_signers={"*": ("notary", "one"), "acme/demo": ("two",)},
)


def decided(
    *images: str,
    repository: bool = True,
    report: tuple[PublishedImage, ...] | None = None,
    verifiable: str = "one two three",
) -> Result[tuple[Claim, ...], Problems]:
    names = ("acme", "demo") if repository else (None, None)
    state = GitState(CiSystem.LOCAL, JobType.LOCAL, None, *names)
    published = None if report is None else Success(report)
    return decide_claims(
        VerificationInputs(images, published, Success(CONFIGURATION), Success(state), frozenset(verifiable.split()))
    )


def reported(*signatures: tuple[str, SignatureStatus], image: str = IMAGE, why: str = "") -> PublishedImage:
    reference = ImageReference.parse(image).unwrap()
    return PublishedImage(reference, DIGEST, signatures, why)


def test_signers_of_the_repository_must_have_signed_with_any_job_type() -> None:
    (claim,) = decided(IMAGE).unwrap()
    assert claim.verified_by == ("one", "two")
    assert claim.digest is None


def test_without_a_repository_every_signer_that_can_be_looked_up_must_have_signed() -> None:
    (claim,) = decided(IMAGE, repository=False).unwrap()
    assert claim.verified_by == ("one", "two", "three")


def test_a_digest_on_the_command_line_is_expected() -> None:
    assert decided(f"{IMAGE}@{DIGEST}").unwrap()[0].digest == DIGEST


def test_a_claim_without_a_verifiable_signer_is_refused() -> None:
    assert "no signer whose signatures can be looked up" in decided(IMAGE, verifiable="").failure()[0].what


def test_a_command_line_without_images_is_refused() -> None:
    assert "no image is named" in decided().failure()[0].what


def test_a_report_says_who_signed_and_who_accepted() -> None:
    image = reported(("notary", SignatureStatus.ACCEPTED), ("one", SignatureStatus.SIGNED))
    (claim,) = decided(report=(image,)).unwrap()
    assert claim == Claim(image.reference, DIGEST, ("one",), ("notary",), "")


def test_a_failed_signature_fails_the_claim() -> None:
    (claim,) = decided(report=(reported(("one", SignatureStatus.FAILED)),)).unwrap()
    assert (claim.verified_by, claim.unsigned) == ((), "the report says that signing failed: one")


def test_an_unsigned_build_fails_the_claim() -> None:
    (claim,) = decided(report=(reported(why=": nobody is enabled"),)).unwrap()
    assert claim.unsigned == "the report says that nobody signed it: nobody is enabled"


def test_a_signer_that_is_not_defined_is_refused() -> None:
    problems = decided(report=(reported(("four", SignatureStatus.SIGNED)),)).failure()
    assert "'four'" in problems[0].what


def test_images_choose_from_a_report() -> None:
    other = reported(("one", SignatureStatus.SIGNED), image="r.example/prod/app:v2")
    chosen = decided(IMAGE, report=(reported(("one", SignatureStatus.SIGNED)), other)).unwrap()
    assert [str(claim.reference) for claim in chosen] == [IMAGE]
    assert "r.example/prod/app:v3" in decided("r.example/prod/app:v3", report=(other,)).failure()[0].what


@pytest.mark.parametrize("report", [None, Failure((Problem("report.json", "broken"),))])
def test_all_problems_are_reported_together(report: Result[tuple[PublishedImage, ...], Problems] | None) -> None:
    wrong = Failure((Problem("config.yaml", "broken"),))
    problems = decide_claims(VerificationInputs(("a b",), report, wrong, wrong, frozenset())).failure()
    assert {problem.where for problem in problems} >= {"a b", "config.yaml"}
    assert any(problem.where == "report.json" for problem in problems) == (report is not None)


# --- reading a report ---------------------------------------------------------------------------------------------

ONE, TWO = "r.example/prod/app:v1", "r.example/prod/app:latest"
PLACES = [
    {"reference": ONE, "holds_digest": True, "reason": ""},
    {"reference": TWO, "holds_digest": False, "reason": "gone"},
]


def signature(signer: str, reference: str, status: str) -> dict[str, Any]:
    return {**as_json()["images"][0]["signatures"][0], "signer": signer, "reference": reference, "status": status}


def read(**image: Any) -> Result[tuple[PublishedImage, ...], Problems]:
    """Read a report of an image with these members, and of one that failed."""
    images = [as_json()["images"][0] | {"destinations": PLACES, "signatures": []} | image]
    content = as_json(images=[*images, *as_json(failed())["images"]], not_signed="no  signer")
    return published_images(json.dumps(content).encode(), "report.json")


def test_each_published_reference_comes_with_its_own_signatures() -> None:
    signatures = [signature("s", ONE, "signed"), signature("t", ONE, "failed"), signature("s", TWO, "accepted")]
    (image,) = read(signatures=signatures).unwrap()
    assert (str(image.reference), image.digest, image.not_signed) == (ONE, DIGEST, ": no signer")
    assert image.signatures == (("s", SignatureStatus.SIGNED), ("t", SignatureStatus.FAILED))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param({"digest": "x"}, "digest", id="digest"),
        pytest.param({"size": "x"}, "images[0].size is not a number", id="type"),
        pytest.param({"signatures": [signature("", ONE, "signed")]}, "has no signer", id="signer"),
        pytest.param({"signatures": [signature("s", ONE, "good")]}, "unknown status 'good'", id="status"),
        pytest.param({"signatures": [signature("s", "a b", "signed")]}, "'a b'", id="signature"),
        pytest.param({"destinations": [PLACES[0] | {"reference": "a b"}]}, "'a b'", id="reference"),
        pytest.param({"destinations": PLACES[1:]}, "lists no published image", id="unpublished"),
    ],
)
def test_a_report_that_cannot_be_used_is_refused_with_its_file(image: dict[str, Any], words: str) -> None:
    (problem,) = read(**image).failure()
    assert problem.where == "report.json"
    assert words in problem.what


@pytest.mark.parametrize("outcome", ["refused", "running"])
def test_a_report_of_a_run_without_an_end_is_refused(outcome: str) -> None:
    (problem,) = published_images(json.dumps(as_json(outcome=outcome)).encode(), "report.json").failure()
    assert "the run that wrote this report" in problem.what
