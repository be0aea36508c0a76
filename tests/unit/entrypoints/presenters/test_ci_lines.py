"""Messages in each CI system: an annotation with its place, and foreign text that can do nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.presenters.ci_lines import lines_of
from image_builder_adapters.console_text import neutralise
from image_builder_domain.build_steps import SourceLine
from image_builder_domain.job.git_state import CiSystem

PROW_HIGHLIGHT = re.compile(r"timed out|ERROR:|(FAIL|Failure \[)\b|panic\b|^E\d{4} \d\d:\d\d:\d\d\.\d\d\d]")
"""The default of Prow's build log lens (pkg/spyglass/lenses/buildlog/lens.go)."""
MODES = Path(__file__).parents[3] / "e2e" / "modes"
PLACE = SourceLine("a b/Dockerfile", 3)


@pytest.mark.parametrize(
    ("system", "level", "place", "line"),
    [
        (CiSystem.GITHUB, "error", None, "::error::100%25 x%0Ay"),
        (CiSystem.GITHUB, "warning", PLACE, "::warning file=a b/Dockerfile,line=3::100%25 x%0Ay"),
        (CiSystem.AZURE_PIPELINES, "error", None, "##vso[task.logissue type=error]100%AZP25 x%0Ay"),
        (
            CiSystem.AZURE_PIPELINES,
            "warning",
            PLACE,
            "##vso[task.logissue type=warning;sourcepath=a b/Dockerfile;linenumber=3]100%AZP25 x%0Ay",
        ),
        (CiSystem.GITLAB, "error", PLACE, "error: 100% x\ny"),
        (CiSystem.PROW, "error", None, "ERROR: 100% x\ny"),
        (CiSystem.PROW, "warning", None, "warning: 100% x\ny"),
        (CiSystem.JENKINS, "error", None, "error: 100% x\ny"),
        (None, "error", None, "error: 100% x\ny"),
    ],
)
def test_each_system_gets_a_message_with_its_place(
    system: CiSystem | None, level: str, place: SourceLine | None, line: str
) -> None:
    assert lines_of(system).message(level, "100% x\ny", place) == line


@pytest.mark.parametrize(
    ("system", "begin", "end"),
    [
        (CiSystem.GITHUB, "::group::building app", "::endgroup::"),
        (CiSystem.AZURE_PIPELINES, "##[group]building app", "##[endgroup]"),
        (
            CiSystem.GITLAB,
            "\x1b[0Ksection_start:9:image_builder_1[collapsed=true]\r\x1b[0Kbuilding app",
            "\x1b[0Ksection_end:9:image_builder_1\r\x1b[0K",
        ),
    ],
)
def test_output_is_folded_below_its_title(system: CiSystem, begin: str, end: str) -> None:
    lines = lines_of(system)
    assert lines.begin is not None
    assert lines.end is not None
    assert (lines.begin(1, 9, "building\napp"), lines.end(1, 9)) == (begin, end)


def as_github_reads(line: str) -> tuple[str, dict[str, str], str]:
    """Command, properties and data, as GitHub's runner takes a line apart."""
    found = re.fullmatch(r"\s*::([a-z-]+)(?: ([^\n]*?))?::([^\n\r]*)", line)
    assert found is not None, line
    properties = dict(part.split("=", 1) for part in (found[2] or "").split(",") if part)
    unescape = [("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")]
    return (
        found[1],
        {name: _replaced(value, unescape) for name, value in properties.items()},
        _replaced(found[3], unescape[2:]),
    )


def as_azure_reads(line: str) -> tuple[str, dict[str, str], str]:
    """The same, as the agent of Azure Pipelines does: the first command anywhere in the line."""
    start = line.index("##vso[")
    head, _, data = line[start + 6 :].partition("]")
    name, _, rest = head.partition(" ")
    properties = dict(part.split("=", 1) for part in rest.split(";") if part)
    unescape = [("%3B", ";"), ("%5D", "]"), ("%0A", "\n"), ("%0D", "\r"), ("%AZP25", "%")]
    return name, {key: _replaced(value, unescape) for key, value in properties.items()}, _replaced(data, unescape[2:])


def _replaced(text: str, pairs: list[tuple[str, str]]) -> str:
    for code, character in pairs:
        text = text.replace(code, character)
    return text


PIECES = (
    *("::error::", "::", ":", "##vso[task.complete result=Succeeded;]", "##[", "]", ";", ",", "=", "%", "%0A", "%25"),
    *("%AZP25", "%3B", "\n", "\r", "\x1b[0K", "section_end:1:x", "ERROR:", " ", "a"),
)
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(HOSTILE, HOSTILE.filter(bool), st.integers(1, 9))
def test_foreign_text_is_one_message_and_nothing_else(text: str, file: str, number: int) -> None:
    safe, name = (neutralise(each.encode()).decode() for each in (text, file))
    place = SourceLine(name, number)
    readers: dict[CiSystem, Any] = {CiSystem.GITHUB: as_github_reads, CiSystem.AZURE_PIPELINES: as_azure_reads}
    for system, read in readers.items():
        line = lines_of(system).message("error", safe, place)
        assert "\n" not in line
        assert "\r" not in line
        assert line.count("##vso[") == (system is CiSystem.AZURE_PIPELINES)
        assert "##[" not in line
        _, properties, data = read(line)
        values = {**properties}
        assert data == safe
        assert (values.pop("file", None) or values.pop("sourcepath")) == name
        assert int(values.get("line", values.get("linenumber", ""))) == number
        title = lines_of(system).begin
        assert title is not None
        assert len(title(1, 1, safe).splitlines()) == 1


def test_prow_highlights_a_line_of_an_error_once_and_no_warning() -> None:
    message = lines_of(CiSystem.PROW).message
    assert len(PROW_HIGHLIGHT.findall(message("error", "the build failed", None))) == 1
    assert PROW_HIGHLIGHT.search(message("warning", "the build failed", None)) is None


def test_prow_highlights_nothing_else_that_the_examples_print() -> None:
    """In the examples of Prow's jobs every error is highlighted once, and what surrounds it is not."""
    printed = [
        line
        for file in MODES.glob("*.txt")
        if "\njob: prow" in (text := file.read_text())
        for block in re.findall(r"^=== standard error\n(.*?)(?=^===|\Z)", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    errors = [line for line in printed if line.startswith("ERROR: ")]
    assert errors
    assert [line for line in printed if PROW_HIGHLIGHT.search(line)] == errors
