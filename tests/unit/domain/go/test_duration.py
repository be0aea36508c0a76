"""Durations: what Go accepts, in seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.go.duration import MalformedDuration, seconds
from returns.result import Failure


@given(st.integers(0, 9999), st.integers(0, 59), st.integers(0, 59))
def test_the_parts_add_up(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s").unwrap() == hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10s", 10),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("1.s", 1),
        (".5s", 0.5),
        ("250ms", 0.25),
        ("3us", 3e-6),
        ("3µs", 3e-6),
        ("3μs", 3e-6),
        ("7ns", 7e-9),
        ("1s1h", 3601),
        ("1m1m", 120),
        ("0", 0),
        ("-0", 0),
        ("+1m", 60),
        ("-1h1m", -3660),
        ("0.9999999999ns", 0),
        ("1.00000000000000000000000000001s", 1),
        ("-9223372036854775808ns", -9223372036.854775808),
        ("0s", 0),
        ("2562047h47m16.854775807s", 9223372036.854775807),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, expected: float) -> None:
    assert seconds(text).unwrap() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        ".s",
        "10 s",
        " 10s",
        "10s ",
        "10s\n",
        "--1s",
        "+-1s",
        "-",
        "1d",
        "1S",
        "1,5s",
        "1e3s",
        "1..5s",
        "1h 30m",
        "00",
        "\u0661s",
        "2562048h",
        "9223372036854775808ns",
        "9223372036s1s",
        "-9223372036854775809ns",
        "1" * 400 + "h",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert seconds(text) == Failure(MalformedDuration(text))


def test_a_refusal_shows_the_text_and_the_form() -> None:
    assert str(MalformedDuration("10")) == "'10' is not a duration; write a number and a unit, such as 10s, 5m or 1h30m"
