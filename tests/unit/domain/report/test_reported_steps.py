"""Steps of a build in the report."""

import json
from dataclasses import replace

from image_builder_domain.build import BuildFailed
from image_builder_domain.build_steps import BuildSteps, BuildWarning, ExcerptLine, FailurePlace, Step
from image_builder_domain.report.report import Report

from tests.unit.reports import as_json, failed, reported

PLACE = FailurePlace("Dockerfile", 4, (ExcerptLine(3, "WORKDIR /x"), ExcerptLine(4, "RUN make", is_marked=True)))
STEPS = BuildSteps(
    (
        Step("COPY . .", 3, 4, "build", "linux/arm64", is_cached=True, duration_seconds=0.0),
        Step("RUN make", 4, 4, "build", "linux/arm64", duration_seconds=1.5, error="exit code: 2"),
        Step("COPY --from=build /a /", 2, 2, "stage-1"),
    ),
    (BuildWarning("old format", "Dockerfile", 7, "https://a.b/c"),),
    PLACE,
    is_clipped=True,
)
FAILED = replace(failed("last line"), failure=BuildFailed("no", ("last line",), 1, steps=STEPS), steps=STEPS)


def test_image_has_its_steps_warnings_and_the_place_of_its_failure() -> None:
    (image,) = as_json(FAILED)["images"]
    assert [(step["name"], step["cached"], step["duration_seconds"], step["error"]) for step in image["steps"]] == [
        ("COPY . .", True, 0.0, ""),
        ("RUN make", None, 1.5, "exit code: 2"),
        ("COPY --from=build /a /", None, None, ""),
    ]
    assert image["steps"][0]["platform"] == "linux/arm64"
    assert image["warnings"] == [{"text": "old format", "file": "Dockerfile", "line": 7, "url": "https://a.b/c"}]
    assert image["output_clipped"] is True
    assert image["failure"]["place"] == {
        "file": "Dockerfile",
        "line": 4,
        "excerpt": [
            {"number": 3, "text": "WORKDIR /x", "marked": False},
            {"number": 4, "text": "RUN make", "marked": True},
        ],
    }


def test_steps_are_read_again() -> None:
    report = reported(FAILED)
    assert Report.from_json(json.dumps(report.to_json()).encode(), "r.json").unwrap() == report


def test_report_of_a_version_that_wrote_no_steps_is_read() -> None:
    document = as_json(failed())
    for image in document["images"]:
        for member in ("steps", "warnings", "output_clipped"):
            del image[member]
        del image["failure"]["place"]
    assert Report.from_json(json.dumps(document).encode(), "r.json").unwrap() == reported(failed())
