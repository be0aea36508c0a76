"""What a run that publishes takes from a report, and which images are not its own."""

import json
from dataclasses import replace
from typing import Any

import pytest
from image_builder_domain.build import PlannedBuild
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, HeldManifest, Manifest
from image_builder_domain.publish.identity import REVISION, SOURCE, Identity
from image_builder_domain.report.to_publish import images_of_report, why_foreign
from returns.result import Failure

from tests.unit.reports import BUILD, IMAGE, PLAN, as_json, failed

VARIANT = PlannedBuild(replace(BUILD.request, variant="alpine"), BUILD.destinations)
OURS = Identity("https://github.example/acme/demo", "a" * 40)


def read(document: dict[str, Any], *builds: PlannedBuild) -> Any:
    return images_of_report(json.dumps(document).encode(), "report.json", replace(PLAN, builds=builds or PLAN.builds))


def test_only_digest_and_platforms_are_taken_from_the_report() -> None:
    document = as_json()
    document["images"][0]["destinations"] = [{"reference": "evil.example/a:latest", "holds_digest": True, "reason": ""}]
    (image,) = read(document).unwrap()
    assert (image.build, image.image, image.platforms) == (BUILD, IMAGE, ("linux/amd64",))
    assert (image.tags, image.signatures, image.repositories) == ((), (), ())


@pytest.mark.parametrize(
    ("document", "builds", "words"),
    [
        pytest.param(as_json(outcome="running"), (), "did not finish", id="running"),
        pytest.param(as_json(outcome="refused"), (), "was refused", id="refused"),
        pytest.param(as_json(image_name="other"), (), "the image 'other', not 'app'", id="another image"),
        pytest.param(as_json(failed("x")), (), "the report has no image", id="not built"),
        pytest.param(as_json(), (VARIANT,), "no image of the variant 'alpine'", id="no variant"),
        pytest.param(as_json(images=[*as_json()["images"]] * 2), (), "several images", id="twice"),
        pytest.param(as_json(images=[as_json()["images"][0] | {"digest": "sha256:x"}]), (), "sha256:x", id="digest"),
        pytest.param(as_json(images=[as_json()["images"][0] | {"media_type": "x"}]), (), "'x'", id="media type"),
        pytest.param({}, (), "not a build report", id="no report"),
    ],
)
def test_a_report_without_the_images_of_the_plan_is_refused(
    document: dict[str, Any], builds: tuple[PlannedBuild, ...], words: str
) -> None:
    found = read(document, *builds)
    assert isinstance(found, Failure)
    (problem,) = found.failure()
    assert problem.where == "report.json"
    assert words in str(problem)


@pytest.mark.parametrize(
    ("annotations", "ours", "words"),
    [
        pytest.param({SOURCE: OURS.source, REVISION: OURS.revision}, OURS, None, id="ours"),
        pytest.param(
            {SOURCE: f"{OURS.source}.git".upper(), REVISION: OURS.revision}, OURS, None, id="ours in capitals"
        ),
        pytest.param({SOURCE: OURS.source, REVISION: "b" * 40}, OURS, f"name commit {'b' * 40}", id="another commit"),
        pytest.param(
            {SOURCE: "https://x.example/y", REVISION: "a" * 40}, OURS, "https://x.example/y", id="another source"
        ),
        pytest.param({}, OURS, "commit unknown of no repository", id="no annotations"),
        pytest.param({SOURCE: OURS.source}, replace(OURS, revision=None), "it is not known", id="unknown job"),
    ],
)
def test_an_image_of_another_repository_or_commit_is_foreign(
    annotations: dict[str, str], ours: Identity, words: str | None
) -> None:
    held = HeldManifest(
        Manifest(Descriptor(OCI_MANIFEST, IMAGE.digest, 2), None, ()), b"{}", (), tuple(annotations.items())
    )
    reason = why_foreign(held, ours)
    assert (words is None) == (reason is None)
    assert words is None or words in str(reason)
