"""A target is a stage of the Dockerfile, or a problem that names the nearest one."""

import pytest
from image_builder_domain.problem import problems_of
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.dockerfile import declared_arguments
from image_builder_domain.source.target import chosen_target
from returns.result import Success

TWO = "FROM golang AS Builder\nRUN go build\nFROM scratch\n"


def source(text: str) -> Source:
    return Source("/src", "Dockerfile", declared_arguments(text), text=text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        pytest.param(TWO, None, id="none is asked for"),
        pytest.param(TWO, "builder", id="in lower case"),
        pytest.param(TWO, "Builder", id="as written"),
        pytest.param(TWO, "1", id="by number"),
        pytest.param("ARG N\nFROM scratch AS $N\n", "test", id="a variable in the name"),
        pytest.param(f"# syntax=acme/frontend\n{TWO}", "other", id="another syntax"),
        pytest.param("# nothing\n", "other", id="no stage: the engine reports it"),
    ],
)
def test_a_stage_can_be_the_target(text: str, target: str | None) -> None:
    assert chosen_target(target, source(text)) == Success(target)


@pytest.mark.parametrize(
    ("text", "target", "hint"),
    [
        (TWO, "bulider", "did you mean 'builder'?"),
        (TWO, "7", "known are builder"),
        ("# syntax=docker/dockerfile:1\nFROM scratch\n", "nope", "it names no stage; leave the flag out"),
    ],
)
def test_any_other_target_is_refused_with_a_hint(text: str, target: str, hint: str) -> None:
    (problem,) = problems_of(chosen_target(target, source(text)))
    assert str(problem) == f"--target: the Dockerfile 'Dockerfile' has no stage {target!r}; {hint}"
