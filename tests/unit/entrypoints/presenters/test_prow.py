"""What Prow's lenses show of a run: metadata, links, test cases and a page, in which foreign text stays text."""

import html
import json
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.prow import FILES
from image_builder_domain.report.build_outcome import Unconfirmed
from image_builder_domain.report.report import Report, ReportedFailure, ReportedImage, ReportedPipeline, ReportedRun
from image_builder_domain.signing import SignatureStatus

from tests.unit.reports import IMAGE, SIGNED, failed, image_outcome, reported

RUN_URL = "https://ado.example/org/project/_build/results?buildId=7"
REMOTE = Report(
    outcome="failure",
    image_name="app",
    pipeline=ReportedPipeline(ReportedRun(7, RUN_URL, "failed", (), (), ""), "failed", None, None, 61.5),
)
UNPUSHED = image_outcome(missing=Unconfirmed("holds sha256:b"))


def content(name: str, report: Report) -> str:
    written = FILES[name](report, 12.34)
    assert written is not None
    return written.decode()


# --- metadata and links -------------------------------------------------------------------------------------------


def test_the_metadata_has_the_run_its_failure_and_its_duration_as_text() -> None:
    found = json.loads(content("metadata.json", REMOTE))
    assert (found["run-url"], found["failure"], found["duration"]) == (RUN_URL, "run 7: failed", "12.3 s")
    assert all(isinstance(value, str) for value in found.values())
    assert json.loads(content("metadata.json", Report(outcome="running", problems=())))["duration"] == ""


def test_links_name_the_run_and_the_one_image_that_was_published() -> None:
    assert content("image-builder-run.link.txt", REMOTE) == f"{RUN_URL}\n"
    assert content("image-builder-image.link.txt", reported()) == f"reg.example/prod/app@{IMAGE.digest}\n"
    for report in (REMOTE, reported(SIGNED, SIGNED), reported(UNPUSHED), reported(failed())):
        assert FILES["image-builder-image.link.txt"](report, 1) is None
    assert FILES["image-builder-run.link.txt"](reported(), 1) is None


# --- JUnit --------------------------------------------------------------------------------------------------------


def cases(report: Report) -> list[tuple[str, str, str]]:
    """Step, name and result of each case."""
    root = ElementTree.fromstring(content("junit_image-builder.xml", report))
    suite = root[0]
    found = [(case.get("classname", ""), case.get("name", ""), case[0].tag if len(case) else "") for case in suite]
    assert (suite.get("tests"), suite.get("failures")) == (
        str(len(found)),
        str(sum(one[2] == "failure" for one in found)),
    )
    return found


PUSH, TAG, SIGN = "reg.example/prod/app", "reg.example/prod/app:v1", "reg.example/prod/app:v1 by notary"


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(
            reported(), [("build", "app", ""), ("push", PUSH, ""), ("tag", TAG, ""), ("sign", SIGN, "")], id="success"
        ),
        pytest.param(
            reported(failed("x")),
            [("build", "app", "failure"), ("push", PUSH, "skipped"), ("tag", TAG, "skipped")],
            id="build",
        ),
        pytest.param(
            reported(UNPUSHED), [("build", "app", ""), ("push", PUSH, "failure"), ("tag", TAG, "skipped")], id="push"
        ),
        pytest.param(
            reported(image_outcome(signature=SignatureStatus.FAILED)),
            [("build", "app", ""), ("push", PUSH, ""), ("tag", TAG, "skipped"), ("sign", SIGN, "failure")],
            id="sign",
        ),
        pytest.param(REMOTE, [("run", "app", "failure")], id="remote"),
        pytest.param(Report(outcome="refused", problems=("x",)), [("run", "image", "failure")], id="refused"),
        pytest.param(Report(outcome="running", problems=()), [("run", "image", "failure")], id="running"),
        pytest.param(
            replace(reported(), outcome="failure", not_written=("log",)),
            [("build", "app", ""), ("push", PUSH, ""), ("tag", TAG, ""), ("sign", SIGN, ""), ("run", "app", "failure")],
            id="lost",
        ),
    ],
)
def test_each_image_destination_and_signature_is_a_case_that_fails_at_the_cause(
    report: Report, expected: list[tuple[str, str, str]]
) -> None:
    assert cases(report) == expected


# --- the page -----------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The texts and tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def test_the_page_shows_what_happened_without_anything_from_elsewhere() -> None:
    page = Page(content("image-builder.html", reported(failed("step 1", "step 2"))))
    assert page.texts[2:] == [
        *("app:", "failure", "the build failed: RUN failed; its output is in the log file"),
        *("side", "local: as claimed", "not signed", "the configuration defines no signer"),
        *("app", "platforms", "linux/amd64", "destinations", "withheld: reg.example/prod/app:v1", "time", "1.0 s"),
        "step 1\nstep 2",
    ]
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert page.links == []


def test_the_page_of_a_run_elsewhere_leads_to_it() -> None:
    page = Page(content("image-builder.html", REMOTE))
    assert page.links == [RUN_URL]
    evil = replace(REMOTE.pipeline.run, url='https://ado.example/" onclick="x')  # type: ignore[union-attr, type-var]
    shown = content("image-builder.html", replace(REMOTE, pipeline=replace(REMOTE.pipeline, run=evil)))  # type: ignore[type-var]
    assert Page(shown).links == []


FOREIGN = st.text("<>&\"'/;#=ltscrip 0x3\n\x1b\ud800", max_size=40) | st.sampled_from(
    ["<script>alert(1)</script>", "&lt;script&gt;", "&amp;lt;b&amp;gt;", "]]>", "<!--", '" onload="x']
)


@given(FOREIGN)
def test_foreign_text_stays_text_however_often_it_is_decoded(text: str) -> None:
    """Prow's html lens decodes the page once, because it escapes only double quotes for an attribute."""
    image = ReportedImage(text, failure=ReportedFailure(text, 1, (text,)))
    report = Report(outcome="failure", image_name=text, not_signed=text, images=(image,), problems=(text,))
    ordinary = Page(
        content("image-builder.html", replace(report, images=(replace(image, variant="v"),), image_name="n"))
    )
    page = content("image-builder.html", report)
    assert "&" not in page
    assert html.unescape(page) == page
    assert set(Page(page).tags) <= {*ordinary.tags, "h1", "span"}
    ElementTree.fromstring(content("junit_image-builder.xml", report))
    json.loads(content("metadata.json", report))
