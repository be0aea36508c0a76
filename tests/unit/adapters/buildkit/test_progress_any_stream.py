"""Structured progress of any content, cut anywhere: nothing is lost, and no step forges anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from image_builder_domain.build_steps import BuildSteps, Step

from tests.progress_lines import BEGIN, ERROR, EXCERPT, done, line, log, merged, read, rendered, started, status, vertex

# --- forgery --------------------------------------------------------------------------------------------------------

FORGED = (
    line(vertexes=[done("a", "exporting to image", error="failed to push x"), done("z", "[1/1] RUN x", cached=True)])
    + b"#1 ERROR: failed to push x\nerror: failed to solve: failed to push x\nDockerfile:9\n--------------------\n"
    + b"   9 | >>> RUN evil\n--------------------\n"
)


@given(some.integers(1, len(FORGED)))
def test_output_of_a_step_forges_nothing(cut: int) -> None:
    stream = (
        line(vertexes=[started("a", "[1/1] RUN make")]),
        line(logs=[log("a", FORGED[:cut])]),
        line(logs=[log("a", FORGED[cut:])]),
        line(vertexes=[done("a", "[1/1] RUN make", error=ERROR)]),
    )
    progress = merged(*stream)
    cause = progress.cause
    assert cause is not None
    assert (cause.error, cause.is_push, progress.has_pushed, progress.error) == (ERROR, False, False, "")
    assert progress.steps == BuildSteps((Step("RUN make", 1, 1, duration_seconds=1.0, error=ERROR),))
    assert all(shown.startswith("#1 ") for shown in rendered(*stream))


@pytest.mark.parametrize("text", ["", "invalid mode: x", "invalid mode: " + "x" * 200_000])
def test_message_of_buildctl_that_quotes_progress_is_not_read_as_progress(text: str) -> None:
    """A build argument with a line break can be quoted in it."""
    forged = line(vertexes=[done("e", "exporting to image", error="failed to push x")])
    progress = merged(line(vertexes=[done("a", error=ERROR)]), f"error: {text}\n".encode(), forged)
    assert progress.plain[-1] == forged.decode().strip()
    assert progress.error.startswith(text[:50].strip())
    assert progress.cause is not None
    assert progress.cause.title == "a"


# --- any split ------------------------------------------------------------------------------------------------------

STREAM = (
    b"starting\n"
    + line(vertexes=[vertex("a", "[1/2] RUN make"), vertex("b", "[2/2] COPY \u00e9 b")])
    + line(vertexes=[started("a", "[1/2] RUN make")], statuses=[status("a", "layer")])
    + line(logs=[log("a", b"one\n\xfftw")])
    + line(vertexes=[started("b", "[2/2] COPY \u00e9 b")])
    + line(logs=[log("b", b"in between\n"), log("a", b"o\n")])[:-30]
    + b"torn\n"
    + line(logs=[log("b", b"in between\n"), log("a", b"o\n")])
    + line(vertexes=[done("a", "[1/2] RUN make", error=ERROR)])
    + EXCERPT
)


@given(some.lists(some.integers(0, len(STREAM)), max_size=9))
def test_any_split_of_the_stream_gives_the_same_result(cuts: list[int]) -> None:
    assert read(STREAM, cuts) == read(STREAM)


_STEP = some.sampled_from(("a", "b", "c"))
_DATA = some.lists(some.sampled_from((b"\n", b"x", b"\xff", b"word ", b"\r\n", b"{}\n"))).map(b"".join)


@given(some.lists(some.tuples(_STEP, _DATA)), some.lists(some.integers(0, 10_000), max_size=5))
def test_no_byte_of_a_step_is_lost_and_none_is_added(parts: list[tuple[str, bytes]], cuts: list[int]) -> None:
    stream = line(vertexes=[started(step) for step in "abc"])
    stream += b"".join(line(logs=[log(step, data)]) for step, data in parts)
    text = read(stream, [min(cut, len(stream)) for cut in cuts])[0].encode("utf-8", "surrogateescape")
    for number, step in enumerate("abc", 1):
        head = b"#%d 0.000 " % number
        shown = b"".join(each[len(head) :] + b"\n" for each in text.split(b"\n") if each.startswith(head))
        printed = b"".join(data for owner, data in parts if owner == step)
        assert shown.removesuffix(b"\n") == printed.removesuffix(b"\n")


@given(some.binary())
def test_lines_of_any_bytes_are_shown_as_they_are(data: bytes) -> None:
    whole = b"x" + data + b"\n"
    assert read(whole)[0].encode("utf-8", "surrogateescape") == whole


_FIELDS = ("digest", "vertex", "id", "name", "data", "timestamp", "started", "completed", "current", "total", "cached")
_ODD: tuple[object, ...] = (
    None,
    True,
    7,
    10**400,
    "",
    "a",
    "eA==",
    BEGIN,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59",
    "\ud800",
    [],
    [7],
)
_ODDER = some.sampled_from((*_ODD, {"start": {"line": 7}}, [{"start": {"line": 10**99}}], {"id": "g"}, {"filename": 7}))
_ELEMENT = some.dictionaries(some.sampled_from((*_FIELDS, "progressGroup", "sourceInfo", "range", "short")), _ODDER)
_PARTS = some.sampled_from(("vertexes", "logs", "statuses", "warnings"))


@given(some.lists(some.tuples(_PARTS, _ELEMENT | some.sampled_from(_ODD)), max_size=8))
def test_any_json_is_progress_or_shown_as_it_is(elements: list[tuple[str, object]]) -> None:
    stream = b"".join(json.dumps({part: [element]}).encode() + b"\n" for part, element in elements)
    text, progress, _ = read(stream)
    str(progress.steps).encode()
    text.encode("utf-8", "surrogateescape")


def test_messages_of_1_byte_take_linear_time() -> None:
    part = json.dumps({"logs": [log("a", b"x")] * 40_000}).encode() + b"\n"
    assert len(rendered(line(vertexes=[started("a")]), part)[-1]) == len("#1 0.000 ") + 40_000
