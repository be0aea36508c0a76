"""Each line of a log is printed once and in order, for any answers, pieces and ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.azure_devops.log_cursor import LogCursor

LONG = b"x" * 70_000
plain = st.lists(st.sampled_from([b"", b"a", b"b", b"same", b"longer than that", b"LONG"]), max_size=12)


def served(lines: list[bytes], start: int | None, base: int | None) -> bytes:
    """What a service answers that counts from ``base``; None does not heed ranges at all."""
    first = 0 if start is None or base is None else start - base
    return b"".join(line + b"\n" for line in lines[first:])


def read(cursor: LogCursor, body: bytes, size: int, cut: int | None = None) -> None:
    """One answer in pieces; ``cut`` is where the connection ends."""
    sent = body if cut is None else body[:cut]
    for at in range(0, len(sent), size):
        cursor.take(sent[at : at + size])
    if cut is None:
        cursor.end()


def numbered(lines: list[bytes]) -> list[bytes]:
    return [b"%d %s" % (number, line) for number, line in enumerate(lines)]


parts = st.floats(0, 1)
# How much of the log can be seen, where the connection ends (None: at the end), and how large pieces are.
answers = st.lists(st.tuples(parts, st.none() | parts, st.sampled_from([1, 7, 1000, 65536])), max_size=8)


@given(plain, answers, st.sampled_from([1, 0, None]))
def test_every_line_is_printed_once_for_any_answers(
    lines: list[bytes], steps: list[tuple[float, float | None, int]], base: int | None
) -> None:
    """Lines have timestamps, so no two are equal; where ranges count from 1 even equal ones are distinguished."""
    lines = [LONG if line == b"LONG" else line for line in lines]
    if base != 1:
        lines = numbered(lines)
    out = list[bytes]()
    cursor, shown = LogCursor(out.append), 0
    for visible, cut, size in (*steps, (1.0, None, 65536)):
        shown = max(shown, round(visible * len(lines)))
        body = served(lines[:shown], cursor.begin(), base)
        read(cursor, body, max(size, len(body) // 100), None if cut is None else round(cut * len(body)))
    assert b"".join(out) == b"".join(line + b"\n" for line in lines)
    assert cursor.lines == len(lines)


def test_a_last_line_without_an_end_gets_one() -> None:
    out = list[bytes]()
    cursor = LogCursor(out.append)
    cursor.begin()
    read(cursor, b"one\ntwo", 100)
    assert b"".join(out) == b"one\ntwo\n"


def test_a_half_line_of_a_lost_connection_waits_for_its_whole() -> None:
    out = list[bytes]()
    cursor = LogCursor(out.append)
    cursor.begin()
    read(cursor, b"one\ntwo", 100, cut=6)
    assert b"".join(out) == b"one\n"
    assert cursor.begin() == 1
    read(cursor, b"one\ntwo\n", 100)
    assert b"".join(out) == b"one\ntwo\n"


def test_an_answer_without_anything_new_adds_nothing() -> None:
    out = list[bytes]()
    cursor = LogCursor(out.append)
    cursor.begin()
    read(cursor, b"one\n", 100)
    for answer in (b"one\n", b"one", b""):
        cursor.begin()
        read(cursor, answer, 100)
    assert b"".join(out) == b"one\n"


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_marks_and_carriage_returns_go_wherever_pages_begin(size: int) -> None:
    out = list[bytes]()
    cursor = LogCursor(out.append)
    cursor.begin()
    mark = b"\xef\xbb\xbf"
    read(cursor, mark + b"one\r\n" + mark + mark + b"two" + mark + b"\r\n", size)
    assert b"".join(out) == b"one\ntwo" + mark + b"\n"


def test_a_line_of_any_length_is_printed_in_pieces() -> None:
    out = list[bytes]()
    cursor = LogCursor(out.append)
    cursor.begin()
    read(cursor, LONG + b"\nnext\n", 4096)
    assert max(map(len, out)) <= 2 * 65536
    assert b"".join(out) == LONG + b"\nnext\n"
    assert cursor.lines == 2
