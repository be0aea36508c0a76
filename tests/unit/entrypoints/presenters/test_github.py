"""The outputs and the summary of a step in GitHub Actions: no foreign text can change them."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.github import output_file, outputs, step_summary
from image_builder_domain.report.report import (
    Report,
    ReportedDestination,
    ReportedFailure,
    ReportedImage,
    ReportedPipeline,
    ReportedRun,
    ReportedSignature,
)

from tests.unit.entrypoints.github_files import as_the_runner_reads
from tests.unit.reports import IMAGE, failed, reported

EVIL = "<script>|`x`*_[a](b)\n::error::x\n##vso[task.complete]\r\x1b[31m</pre>\n| --- |\nEOF"
MANY_REFERENCES = ("x" * 100,) * 6_000


# --- GITHUB_OUTPUT ------------------------------------------------------------------------------------------------


def test_the_outputs_of_a_step_are_those_of_the_report() -> None:
    report = reported()
    found = as_the_runner_reads(output_file(outputs(report), "end"))
    assert {name: value for name, value in found.items() if name != "build-report"} == {
        "images": '["reg.example/prod/app:v1"]',
        "architectures": '["linux/amd64"]',
        "digest": str(IMAGE.digest),
        "side": "local",
        "side-reason": "as claimed",
    }
    assert json.loads(found["build-report"]) == report.to_json()


def test_an_unknown_digest_is_an_empty_output() -> None:
    assert outputs(reported(failed()))["digest"] == ""


@given(st.text("EOFend<=\n\r: {", max_size=40))
def test_no_value_ends_itself(text: str) -> None:
    found = as_the_runner_reads(output_file({"one": json.dumps(text), "two": "2"}, "image-builder-5f1c"))
    assert found == {"one": json.dumps(text), "two": "2"}


def test_a_report_that_fits_into_no_variable_loses_the_last_lines_of_the_engine_first() -> None:
    large = reported(failed(*["x" * 30_000] * 4))
    found = outputs(large)["build-report"]
    failure = large.to_json()["images"][0]["failure"]
    assert json.loads(found)["images"][0]["failure"] == failure | {"last_lines": []}
    assert len(f"REPORT={found}") < 128 * 1024


def test_a_report_of_many_images_loses_their_details() -> None:
    large = reported(*[failed(reason="x" * 500)] * 300)
    found = outputs(large)["build-report"]
    assert json.loads(found) == {name: value for name, value in large.to_json().items() if name != "images"}
    assert len(f"REPORT={found}") < 128 * 1024
    assert "build-report" not in outputs(replace(reported(), images_list=MANY_REFERENCES))


# --- GITHUB_STEP_SUMMARY ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "parts"),
    [
        pytest.param(
            reported(),
            (
                "### app: success\n\nSide: local, as claimed\n\nNot signed: the configuration defines no signer\n\n",
                f"| app | published | {IMAGE.digest} | reg.example/prod/app:v1 | notary: signed |",
            ),
            id="published",
        ),
        pytest.param(
            reported(failed("step 1", "step 2")),
            ("| app | failed |  | withheld: reg.example/prod/app:v1 |  |", "\n<pre>\nstep 1\nstep 2\n</pre>"),
            id="failed",
        ),
        pytest.param(
            Report(outcome="x", images=(ReportedImage("1.9", failure=ReportedFailure("it failed")),)),
            ("|  &#40;1.9&#41; | failed |", "\n1.9: it failed\n"),
            id="variant",
        ),
        pytest.param(
            Report(outcome="refused", not_signed="the run was refused", problems=("--name: it is missing",)),
            ("### refused\n\nNot signed: the run was refused\n\n- --name: it is missing",),
            id="refused",
        ),
    ],
)
def test_the_summary_shows_the_result_and_its_reasons(report: Report, parts: tuple[str, ...]) -> None:
    text = step_summary(report).decode()
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ado.example/org/_build/results?buildId=7", "<https://ado.example/org/_build/results?buildId=7>"),
        ("https://ado.example/> ![x](y)", "https://ado.example/&#62; &#33;&#91;x&#93;&#40;y&#41;"),
        ("javascript:alert(1)", "javascript:alert&#40;1&#41;"),
    ],
)
def test_the_summary_leads_to_the_run(url: str, shown: str) -> None:
    pipeline = ReportedPipeline(ReportedRun(7, url, "failed", (), (), ""), "failed", None, None, 1)
    assert f"Run 7, failed: {shown}\n" in step_summary(Report(outcome="failure", pipeline=pipeline)).decode()


def test_foreign_text_is_escaped_in_the_summary() -> None:
    image = ReportedImage(
        variant=EVIL,
        destinations=(ReportedDestination(EVIL),),
        signatures=(ReportedSignature(EVIL, status="failed"),),
        failure=ReportedFailure(EVIL, 1, (EVIL,)),
    )
    text = step_summary(Report(outcome="failure", image_name=EVIL, not_signed=EVIL, images=(image,))).decode()
    assert re.findall(r"</?\w+>", text) == ["<pre>", "</pre>"]
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    assert not re.search(r"[`*\[]", text.partition("<pre>")[0])
    (row,) = [line for line in text.splitlines() if line.startswith("| &#")]
    assert row.count("|") == 6


@pytest.mark.parametrize(("images", "length"), [(1, 0), (1, 70_000), (2, 70_000), (400, 0), (400, 30), (400, 70_000)])
def test_a_summary_is_never_larger_than_github_keeps(images: int, length: int) -> None:
    content = step_summary(reported(*[failed(*["<" * length] * 3)] * images))
    assert len(content) <= 100 * 1024
    assert b"more parts are in the build report" in content or content.count(b"<pre>") == images
