"""The frontends that a Dockerfile names, by the rules of BuildKit or stricter ones."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.buildkit.frontend import frontend_image, is_dockerfile_frontend, named_frontends

EVIL = "evil.example/frontend"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"# syntax={EVIL}\nFROM scratch", id="plain"),
        pytest.param(f"#syntax={EVIL}", id="without-blank-and-end"),
        pytest.param(f"#\t SYNTAX \t=\t {EVIL} --flag  \r\n", id="blanks-case-flag"),
        pytest.param(f"\ufeff# syntax={EVIL}\n", id="byte-order-mark"),
        pytest.param(f"# escape=`\n# check=skip=all\n# syntax={EVIL}\n", id="after-other-directives"),
        pytest.param(f"# unknown=1\n# syntax={EVIL}\n", id="after-an-unknown-directive"),
        pytest.param(f"# syntax=docker/dockerfile:1\n# syntax={EVIL}\n", id="the-second"),
        pytest.param(f"#!/usr/bin/env buildctl\n# syntax={EVIL}\n", id="shebang"),
        pytest.param(f"// syntax={EVIL}\n", id="slashes"),
        pytest.param(f"//check=x\n//syntax = {EVIL}\n", id="slashes-after-another"),
        pytest.param(f'\n {{"syntax": "{EVIL}", "n": {"9" * 5000}}}', id="json"),
        pytest.param(f'{{"syntax": "docker/dockerfile", "syntax": "{EVIL}"}}', id="json-twice"),
        pytest.param(f'#!x\n{{"syntax": "{EVIL} more"}}', id="json-after-shebang"),
    ],
)
def test_named_frontend_is_found(text: str) -> None:
    assert EVIL in named_frontends(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM scratch\n# syntax=a\n",
        "# a comment\n# syntax=a\n",
        "#syntax\n",
        "# syntax=\n",
        "\n# syntax=a\n",
        '{"syntax": 1}',
        '{"syntax": "a"',
        "{{\n",
        "/ syntax=a",
    ],
)
def test_without_a_directive_no_frontend_is_named(text: str) -> None:
    assert named_frontends(text) == ()


def test_too_deeply_nested_json_is_not_dockers_frontend() -> None:
    (image,) = named_frontends('{"a": ' + "[" * 100_000 + "]" * 100_000 + ', "syntax": "x"}')
    assert not is_dockerfile_frontend(image)


@given(st.text(alphabet='#/! \t=syntax{}":,\n\r\ufeffé'))
def test_every_text_is_accepted(text: str) -> None:
    for image in named_frontends(text):
        assert isinstance(is_dockerfile_frontend(image), bool)


@pytest.mark.parametrize("line", ["# a = x" + " " * 500_000 + "y\n", "#a=b\n" * 100_000, "{" + " " * 500_000])
def test_time_is_linear(line: str) -> None:
    def took(text: str) -> float:
        begun = time.process_time()
        named_frontends(text)
        return time.process_time() - begun

    took(line)
    assert min(took(line * 4) for _ in range(3)) < 16 * min(took(line) for _ in range(3)) + 0.05


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("docker/dockerfile", True),
        ("docker/dockerfile:1.7-labs", True),
        ("docker.io/docker/dockerfile:1", True),
        ("index.docker.io/docker/dockerfile", True),
        ("docker/dockerfile:1@sha256:" + "0" * 64, True),
        ("docker/dockerfile@sha256:" + "0" * 64, True),
        ("docker/dockerfile-upstream:master", False),
        ("docker/dockerfile:1/evil", False),
        ("docker.io:5000/docker/dockerfile", False),
        ("evil.example/docker/dockerfile", False),
        ("dockerfile", False),
        ("dockerfile.v0", False),
        ("", False),
    ],
)
def test_dockers_frontend_is_recognised(image: str, expected: bool) -> None:
    assert is_dockerfile_frontend(image) is expected


def test_image_of_a_directive_is_its_first_word() -> None:
    assert frontend_image("  docker/dockerfile:1 --flag ") == "docker/dockerfile:1"
