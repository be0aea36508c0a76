"""The repositories that a Dockerfile reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.source.base_image import base_repositories
from image_builder_domain.source.build_argument import BuildArgument


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM reg.example/base:1", ["reg.example/base"]),
        ("FROM reg.example:5000/base", ["reg.example:5000/base"]),
        ("from alpine", ["index.docker.io/library/alpine"]),
        ("FROM --platform=$BUILDPLATFORM reg.example/base AS a\nFROM a", ["reg.example/base"]),
        ("FROM reg.example/base@sha256:" + "a" * 64, ["reg.example/base"]),
        ("FROM scratch", ["index.docker.io/library/scratch"]),
        ("ARG BASE=reg.example/base\nFROM $BASE", ["reg.example/base"]),
        ('ARG HOST="reg.example" T=1\nFROM ${HOST}/base:$T', ["reg.example/base"]),
        ("ARG A=reg.example\nARG B=$A/base\nFROM ${B}:1", ["reg.example/base"]),
        ("FROM ${NONE:-reg.example/base}", ["reg.example/base"]),
        ("FROM ${NONE:+other.example/}reg.example/base", ["reg.example/base"]),
        ("ARG GIVEN=a.example/x\nFROM $GIVEN", ["given.example/base"]),
        ("FROM a.example/x AS one\nCOPY --from=one /a /\nCOPY --from=0 /a /", ["a.example/x"]),
        ("FROM a.example/x\nCOPY --chown=1 --from=b.example/y:1 /a /", ["a.example/x", "b.example/y"]),
        ("FROM a.example/x\nRUN --mount=type=bind,from=b.example/y,target=/y true", ["a.example/x", "b.example/y"]),
        ("# syntax=reg.example/frontend:1\nFROM a.example/x", ["reg.example/frontend", "a.example/x"]),
        ("FROM \\\n  a.example/x", ["a.example/x"]),
        ("FROM UPPER/Case\nFROM $\nFROM", []),
        ("", []),
    ],
)
def test_repositories_of_a_dockerfile(dockerfile: str, expected: list[str]) -> None:
    found = base_repositories(dockerfile, (BuildArgument("GIVEN", "given.example/base"),))
    assert [str(repository) for repository in found] == expected


@given(st.text("FROM arg=${}:-+/@a\n\\# ", max_size=80))
def test_any_dockerfile_can_be_read(text: str) -> None:
    base_repositories(text, ())


def test_the_number_of_repositories_is_bounded() -> None:
    assert len(base_repositories("\n".join(f"FROM a.example/x{number}" for number in range(1000)), ())) == 200
