"""Foreign text: no control character and no CI command gets through, the rest is untouched."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.console_text import neutralise

NASTY = st.lists(
    st.sampled_from([b"::", b"error::", b"##", b"[", b"vso[", b"VSO[", b"#", b":", b" ", b"\t", b"\n", b"\r", b"\x1b",
                     b"\xc2\x9b", b"\xc2\xa0", b"\xe3\x80\x80", b"x", "é".encode()])
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        pytest.param(b"\x1b[31mred\x1b[0m\n", rb"\x1b[31mred\x1b[0m" + b"\n", id="ansi"),
        pytest.param(b"a\rb\n", rb"a\x0db" + b"\n", id="carriage-return"),
        pytest.param(b"\x00\x07\x7f", rb"\x00\x07\x7f", id="nul-bell-delete"),
        pytest.param(b"\xc2\x9b31m", rb"\x9b31m", id="csi-above-ascii"),
        pytest.param(b"x ##vso[task.complete]\n", b"x ## vso[task.complete]\n", id="azure"),
        pytest.param(b"##VsO[task]", b"## VsO[task]", id="azure-case"),
        pytest.param(b"####[group]", b"#### [group]", id="hashes"),
        pytest.param(b"::error::x\n::set-env name=a::b", b": :error::x\n: :set-env name=a::b", id="github"),
        pytest.param(b" \t::add-mask::x", b" \t: :add-mask::x", id="github-after-blanks"),
        pytest.param(b"\xc2\xa0\xe3\x80\x80::stop::", b"\xc2\xa0\xe3\x80\x80: :stop::", id="github-unicode-blanks"),
    ],
)
def test_neutralise_breaks(foreign: bytes, shown: bytes) -> None:
    assert neutralise(foreign) == shown


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"plain\n\ttext\n",
        b"windows\r\n",
        b"use std::io::Write; a::b",
        b"# comment ## heading",
        "façade ünïcode 漢字 £".encode(),
        b"\xff\xfe not utf-8",
        b"[1/2] #12 0.3 [::1]:80",
    ],
)
def test_harmless_text_stays_byte_identical(text: bytes) -> None:
    assert neutralise(text) == text


@given(NASTY)
def test_no_command_remains(foreign: bytes) -> None:
    shown = neutralise(foreign)
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\xc2[\x80-\x9f]", shown)
    assert not re.search(rb"##(vso)?\[", shown, re.IGNORECASE)
    assert not any(line.lstrip().startswith("::") for line in shown.decode().splitlines())


@given(NASTY)
def test_neutralising_twice_changes_nothing_more(foreign: bytes) -> None:
    assert neutralise(neutralise(foreign)) == neutralise(foreign)


def test_many_blanks_before_a_colon_take_no_time() -> None:
    started = time.monotonic()
    neutralise(b" " * 1_000_000 + b":x ::")
    assert time.monotonic() - started < 1
