"""Which mode a command line asks for."""

import pytest
from image_builder.flags import scan
from image_builder.invocation import mode_of


def mode(*words: str) -> tuple[str, list[str]]:
    found = scan(list(words))
    chosen, problems = mode_of(found.verb, found.values)
    return chosen, [problem.where for problem in problems]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "build"),
        (("build",), "build"),
        (("plan",), "plan"),
        (("--parse-tags-only",), "tags"),
        (("tags", "--parse-tags-only"), "tags"),
        (("--sign-only",), "sign"),
        (("--ado-preview-run",), "preview"),
        (("--sign-only=false",), "build"),
    ],
)
def test_a_flag_chooses_a_mode_as_its_verb_does(words: tuple[str, ...], expected: str) -> None:
    assert mode(*words) == (expected, [])


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("tags", "--sign-only"), "--sign-only"),
        (("--parse-tags-only", "--sign-only"), "--sign-only"),
        (("plan", "--ado-preview-run"), "--ado-preview-run"),
    ],
)
def test_two_modes_at_once_are_refused(words: tuple[str, ...], wrong: str) -> None:
    assert mode(*words)[1] == [wrong]
