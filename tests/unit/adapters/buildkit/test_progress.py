"""Structured progress, rendered for people."""

from typing import Any

import pytest
from image_builder_domain.build_steps import Step

from tests.progress_lines import ERROR, at, done, line, log, read, rendered, started, status, vertex


def test_build_is_shown_in_the_plain_form() -> None:
    make = ("a", "[build 2/2] RUN make")
    assert rendered(
        line(vertexes=[vertex(*make), vertex("b", "[build 1/2] FROM x")]),
        line(vertexes=[done("b", "[build 1/2] FROM x", 0, cached=True)]),
        line(vertexes=[started(*make)]),
        line(logs=[log("a", b"first\nsec", 0.25)]),
        line(logs=[log("a", b"ond\n", 12)]),
        line(vertexes=[done(*make, seconds=13)]),
    ) == [
        "#1 [build 1/2] FROM x",
        "#1 CACHED",
        "",
        "#2 [build 2/2] RUN make",
        "#2 0.250 first",
        "#2 0.250 second",
        "#2 DONE 13.0s",
    ]


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        ({"error": ERROR}, f"#1 ERROR: {ERROR}"),
        ({"error": "exit code: 137: context canceled"}, "#1 CANCELED"),
        ({"cached": True}, "#1 CACHED"),
        ({"error": "one\ntwo"}, "#1 ERROR: one\n#1 two"),
    ],
)
def test_end_of_a_vertex_is_shown(ending: dict[str, Any], shown: str) -> None:
    assert "\n".join(rendered(line(vertexes=[done("a", **ending)]))[1:]) == shown


def test_line_that_comes_in_pieces_stays_one_line_beside_another_step() -> None:
    """A secret in it would not be recognised in two halves."""
    shown = rendered(
        line(vertexes=[started("a"), started("b")]),
        line(logs=[log("a", b"pass")]),
        line(logs=[log("b", b"other\n")]),
        line(logs=[log("a", b"word\n")]),
    )
    assert shown[-2:] == ["#2 0.000 other", "#1 0.000 password"]


def test_end_of_output_without_a_line_break_is_shown_before_the_end_of_the_step() -> None:
    shown = rendered(line(vertexes=[started("a")]), line(logs=[log("a", b"half")]), line(vertexes=[done("a")]))
    assert shown == ["#1 a", "#1 0.000 half", "#1 DONE 1.0s"]


def test_output_of_a_step_that_never_ended_is_shown() -> None:
    shown = rendered(line(vertexes=[started("a")]), line(logs=[log("a", b"half")]))
    assert shown == ["#1 a", "#1 0.000 half"]


def test_line_of_3_mebibytes_is_shown_whole_while_no_other_step_prints() -> None:
    half = b"x" * (3 << 19)
    shown = rendered(
        line(vertexes=[started("a"), started("b")]),
        *(line(logs=[log("a", half)]) for _ in range(2)),
        line(logs=[log("a", b"y\n")]),
        line(logs=[log("b", b"z\n")]),
    )
    assert [len(each) for each in shown[-2:]] == [len("#1 0.000 ") + (3 << 20) + 1, len("#2 0.000 z")]


def test_line_of_3_mebibytes_loses_nothing_when_another_step_prints() -> None:
    half = b"x" * (3 << 20)
    shown = rendered(
        line(vertexes=[started("a"), started("b")]),
        line(logs=[log("a", half)]),
        line(logs=[log("b", b"z\n")]),
        line(logs=[log("a", b"y\n")]),
    )
    assert shown[-3:] == ["#1 0.000 " + half.decode(), "#2 0.000 z", "#1 0.000 y"]


def test_status_is_shown_at_its_end_and_every_5_seconds() -> None:
    shown = rendered(
        line(vertexes=[started("a")]),
        *(line(statuses=[status("a", "layer", each, current=1500, total=2_000_000)]) for each in (0, 1, 6, 7)),
        line(statuses=[status("a", "layer", 8, current=2_000_000, total=2_000_000, completed=at(8))]),
        line(statuses=[status("a", "other", 9)]),
        line(vertexes=[done("a", seconds=9)]),
    )
    assert shown[1:] == [
        "#1 layer 1.50kB / 2.00MB 6.0s",
        "#1 layer 2.00MB / 2.00MB 8.0s done",
        "#1 other 9.0s",
        "#1 DONE 9.0s",
    ]


def test_parts_of_one_instruction_are_one_vertex() -> None:
    group = {"id": "g", "name": "[2/2] COPY --link a b"}
    stream = (
        line(vertexes=[done("copy", "[2/2] COPY --link a b", 1, progressGroup=group)]),
        line(vertexes=[done("link", "[2/2] LINK COPY --link a b", 3, progressGroup=group, cached=True)]),
    )
    assert rendered(*stream) == ["#1 [2/2] COPY --link a b", "#1 DONE 3.0s"]
    step = Step("COPY --link a b", 2, 2, is_cached=False, duration_seconds=3.0)
    assert read(b"".join(stream))[1].steps.steps == (step,)


def test_vertex_that_runs_again_ends_once() -> None:
    name = "[internal] load build context"
    again = {"started": at(1), "completed": at(3)}
    shown = rendered(
        line(vertexes=[done("a", name, 0)]),
        line(vertexes=[vertex("a", name, started=at(1))]),
        line(vertexes=[vertex("a", name, **again)]),
    )
    assert shown == [f"#1 {name}", "#1 DONE 2.0s"]


def test_line_break_in_a_name_forges_no_line() -> None:
    assert rendered(line(vertexes=[started("a", "[1/1] WORKDIR /x\n#1 ERROR: no\r")])) == [
        r"#1 [1/1] WORKDIR /x\n#1 ERROR: no\r"
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b"time=x level=warning msg=y",
        b"",
        b"{",
        b"{}x",
        b'{"other":1}',
        b'{"logs":7}',
        b'{"logs":[7]}',
        b'{"vertexes":[null]}',
        b'{"logs":[{"vertex":"a","data":"%%%","timestamp":"2026-12-01T00:00:00Z"}]}',
        b'{"logs":[{"vertex":"a","data":"eA==","timestamp":"yesterday"}]}',
        b'{"logs":[{"vertex":"a","data":"eA=="}]}',
        b'{"vertexes":[{"name":"no digest"}]}',
        b'{"vertexes":[{"digest":"a","cached":1}]}',
        b'{"statuses":[{"id":"x","vertex":"a","current":true,"timestamp":"2026-12-01T00:00:00Z"}]}',
        b'{"warnings":[{"vertex":"a","range":[{}]}]}',
        b'{"statuses":[{"id":"x","vertex":"a","current":9223372036854775808,"timestamp":"2026-12-01T00:00:00Z"}]}',
        b'{"vertexes":[{"digest":"a","name":"\\ud800"}]}',
        b'{"vertexes":' + b"[" * 100_000,
        b'{"logs":[' + b"9" * 5000 + b"]}",
        b'{"vertexes":[{"digest":"\xff"}]}',
        b'["vertexes"]',
        line(vertexes=[done("a", "[1/1] RUN make", error="no")])[:-5],
        b"torn " + line(vertexes=[done("a", "[1/1] RUN make", error="no")])[:-1],
    ],
)
def test_line_that_is_no_progress_is_shown_as_it_is(odd: bytes) -> None:
    text, progress, _ = read(line(vertexes=[started("b")]) + odd + b"\n" + line(vertexes=[done("b")]))
    assert text == f"#1 b\n{odd.decode('utf-8', 'surrogateescape')}\n#1 DONE 1.0s\n"
    assert progress.cause is None


def test_line_of_9_mebibytes_is_shown_as_it_is() -> None:
    odd = b'{"logs":[' + b" " * (9 << 20) + b"]}\n"
    assert read(odd)[0].encode() == odd


def test_vertex_that_was_never_described_is_shown_by_its_digest() -> None:
    assert rendered(line(logs=[log("sha256:5", b"x\n")])) == ["#1 sha256:5", "#1 0.000 x"]
