"""Structured progress, merged into the result of a build."""

from base64 import b64encode

import pytest
from image_builder_domain.build_steps import BuildWarning, ExcerptLine, FailurePlace, Step

from tests.progress_lines import ERROR, EXCERPT, at, done, line, log, merged, read, started, status, vertex


def test_steps_are_listed_stage_by_stage() -> None:
    steps = merged(
        line(vertexes=[vertex("0", "[internal] load build context")]),
        line(
            vertexes=[
                vertex("1", "[stage-1 2/2] COPY --from=build /a /a"),
                vertex("2", "[linux/arm64 build 3/3] RUN make"),
                vertex("3", "[linux/arm64 build 2/3] COPY . ."),
                vertex("4", "[linux/arm64 build 1/3] FROM docker.io/library/golang"),
                vertex("5", "[stage-1 1/2] WORKDIR /a"),
                vertex("6", "exporting to image"),
            ]
        ),
        line(vertexes=[done("3", "[linux/arm64 build 2/3] COPY . .", 0, cached=True)]),
        line(vertexes=[done("2", "[linux/arm64 build 3/3] RUN make", 2)]),
        line(vertexes=[done("5", "[stage-1 1/2] WORKDIR /a", 1, error="context canceled")]),
    ).steps.steps
    assert steps == (
        Step("COPY . .", 2, 3, "build", "linux/arm64", is_cached=True, duration_seconds=0.0),
        Step("RUN make", 3, 3, "build", "linux/arm64", is_cached=False, duration_seconds=2.0),
        Step("WORKDIR /a", 1, 2, "stage-1", duration_seconds=1.0),
        Step("COPY --from=build /a /a", 2, 2, "stage-1"),
    )


def test_step_that_another_build_has_begun_is_listed_once() -> None:
    name = "[2/2] RUN make"
    steps = merged(line(vertexes=[vertex("a", name), vertex("b", name)]), line(vertexes=[done("a", name)])).steps
    assert [step.is_cached for step in steps.steps] == [False]


def test_step_that_another_build_canceled_and_the_cache_had_is_cached() -> None:
    canceled = done("a", "[1/1] RUN make", 1, error="context canceled: context canceled")
    hit = vertex("a", "[1/1] RUN make", started=at(1), completed=at(1), cached=True)
    for order in ([canceled, hit], [hit, canceled]):
        steps = merged(line(vertexes=order)).steps.steps
        assert [(step.is_cached, step.error) for step in steps] == [(True, "")]


def test_position_is_the_step_that_begins_and_what_the_export_does() -> None:
    stream = (
        line(vertexes=[vertex("a", "[build 1/2] RUN make"), done("c", "[build 2/2] RUN x", 0, cached=True)])
        + line(vertexes=[started("a", "[build 1/2] RUN make")])
        + line(vertexes=[started("e", "exporting to image")])
        + line(statuses=[status("e", "pushing layers")])
    )
    assert read(stream)[2] == ["[build 1/2] RUN make", "exporting to image", "pushing layers"]


def test_warning_has_its_place() -> None:
    warning = {
        "vertex": "a",
        "level": 1,
        "short": b64encode(b"Casing: be consistent (line 3)").decode(),
        "url": "https://a.b/c",
        "sourceInfo": {"filename": "Dockerfile", "data": "eA=="},
        "range": [{"start": {"line": 3}, "end": {"line": 3}}],
    }
    text, progress, _ = read(line(vertexes=[started("a")], warnings=[warning, warning]), (), "docker/Dockerfile")
    assert "#1 WARN: Casing: be consistent (line 3)" in text
    assert progress.steps.warnings == (BuildWarning("Casing: be consistent", "docker/Dockerfile", 3, "https://a.b/c"),)


@pytest.mark.parametrize(
    ("error", "is_warned"),
    [("x.example/c:latest: not found", False), ("unexpected status: 401 Unauthorized", True)],
)
def test_cache_that_cannot_be_used_is_a_warning(error: str, is_warned: bool) -> None:
    progress = merged(line(vertexes=[done("a", "importing cache manifest from x.example/c", error=error)]))
    assert bool(progress.steps.warnings) is is_warned
    assert progress.cause is None


def test_failure_has_its_place_and_the_lines_around_it() -> None:
    place = read(line(vertexes=[done("a", error=ERROR)]) + EXCERPT, (), "docker/Dockerfile")[1].steps.failed_at
    assert place == FailurePlace(
        "docker/Dockerfile",
        4,
        (
            ExcerptLine(3, "WORKDIR /x"),
            ExcerptLine(4, "RUN make \\", is_marked=True),
            ExcerptLine(5, "  all", is_marked=True),
        ),
    )


@pytest.mark.parametrize(
    ("data", "is_clipped"),
    [
        (b"x\n[output clipped, log limit 2MiB reached]\n", True),
        (b"x\n[output clipped, log limit 200KiB/s reached]\n", True),
        (b"[output clipped, log limit 2MiB reached]", False),
        (b"x\n[output clipped, it reached]\n", False),
    ],
)
def test_clipped_output_is_noted(data: bytes, is_clipped: bool) -> None:
    assert merged(line(vertexes=[started("a")], logs=[log("a", data)])).steps.is_clipped is is_clipped


def test_cause_is_the_vertex_that_buildctl_quotes() -> None:
    progress = merged(
        line(vertexes=[done("a", "importing cache manifest from x", error="no route")]),
        line(vertexes=[done("b", "[1/2] RUN x", error="exit code: 137: context canceled")]),
        line(vertexes=[done("c", "[internal] load metadata for y", error="mirror is down")]),
        line(vertexes=[started("d", "[2/2] RUN make")], logs=[log("d", b"1\n2\r\n")]),
        line(vertexes=[done("d", "[2/2] RUN make", error=ERROR)]),
        EXCERPT,
    )
    cause = progress.cause
    assert cause is not None
    assert (cause.title, cause.error, cause.is_push, cause.last_lines) == ("[2/2] RUN make", ERROR, False, ("1", "2"))


def test_last_lines_are_at_most_50_and_start_with_no_half_line() -> None:
    data = b"x" * 100_000 + b"\n" + b"".join(b"line %d\n" % number for number in range(70))
    step = (line(vertexes=[started("a")], logs=[log("a", data)]), line(vertexes=[done("a", error=ERROR)]))
    cause = merged(*step).cause
    assert cause is not None
    assert cause.last_lines == tuple(f"line {number}" for number in range(20, 70))
    long = merged(line(vertexes=[started("a")], logs=[log("a", b"x" * 100_000)]), step[1]).cause
    assert long is not None
    assert long.last_lines == ("(the beginning of a very long line is left out)",)
