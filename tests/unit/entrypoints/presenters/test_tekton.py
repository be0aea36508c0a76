"""The results of a Tekton task, as Tekton Chains reads them."""

from dataclasses import replace

import pytest
from image_builder.presenters.tekton import FILES
from image_builder_domain.report.report import Report, ReportedDestination, ReportedImage

ONE, TWO = (f"sha256:{letter * 64}" for letter in "ab")


def image(digest: str, *references: str) -> ReportedImage:
    return ReportedImage(digest=digest, destinations=tuple(ReportedDestination(each, True) for each in references))


def published(*images: ReportedImage) -> Report:
    return Report(outcome="success", pushed=True, images=images)


ALONE = published(image(ONE, "localhost:5000/p/app:v1", "localhost:5000/p/app:latest", "other.example/app:v1"))
VARIANTS = published(image(ONE, "r.example/app:v1"), image(TWO, "r.example/app:v2"))


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(
            ALONE,
            ("localhost:5000/p/app", ONE, f"localhost:5000/p/app@{ONE},other.example/app@{ONE}"),
            id="one-image-in-two-registries",
        ),
        pytest.param(VARIANTS, (None, None, f"r.example/app@{ONE},r.example/app@{TWO}"), id="two-images"),
        pytest.param(replace(ALONE, pushed=False, outcome="failure"), (None, None, None), id="unconfirmed"),
        pytest.param(Report(outcome="refused", problems=("x",)), (None, None, None), id="refused"),
    ],
)
def test_only_what_was_published_is_a_result(report: Report, expected: tuple[str | None, ...]) -> None:
    found = (FILES[name](report) for name in ("IMAGE_URL", "IMAGE_DIGEST", "IMAGES"))
    assert tuple(content and content.decode() for content in found) == expected
