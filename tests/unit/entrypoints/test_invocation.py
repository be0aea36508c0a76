"""Which mode a command line asks for."""

import pytest
from image_builder.flags import scan
from image_builder.invocation import is_remote, misplaced, mode_of

ENGINELESS = ("sign", "verify", "preview", "doctor", "schema")
"""Modes that start no engine, and so have no output of one to log or to silence."""


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), False),
        (("--build-in-ado",), True),
        (("--build-in-ado=false",), False),
        (("plan", "--backend", "ado"), True),
        (("--backend", "kaniko"), False),
        (("preview",), True),
        (("tags", "--build-in-ado"), False),
    ],
)
def test_azure_devops_builds_when_it_is_asked_to(words: tuple[str, ...], expected: bool) -> None:
    found = scan(list(words))
    assert is_remote(mode_of(found.verb, found.values)[0], found.values) is expected


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--ado-preview-output", "x"), ["--ado-preview-output"]),
        (("--build-in-ado", "--ado-preview-run-yaml-path", "x"), ["--ado-preview-run-yaml-path"]),
        (("preview", "--ado-preview-run-yaml-path", "x", "--ado-preview-output", "y"), []),
        (("--test-kaniko-build-config",), ["--test-kaniko-build-config"]),
        (("--test-kaniko-build-config", "--build-in-ado"), []),
        (("sign", "--test-kaniko-build-config"), ["--test-kaniko-build-config"]),
    ],
)
def test_flags_of_azure_devops_are_refused_where_they_mean_nothing(words: tuple[str, ...], wrong: list[str]) -> None:
    found = scan(list(words))
    chosen = mode_of(found.verb, found.values)[0]
    assert [problem.where for problem in misplaced(chosen, found.given, found.values)] == wrong


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("verify", "--dry-run", "--images-to-sign", "a:b"), ["--dry-run", "--images-to-sign"]),
        (("verify", "--build-report-path", "r", "--ado-state-output"), ["--build-report-path", "--ado-state-output"]),
        (("verify", "--report", "r"), []),
        (("sign", "--report", "r", "--name", "x", "--images-to-sign", "a:b"), ["--name", "--report"]),
        (("--images-to-sign", "a:b", "--tags-output-file", "t"), ["--images-to-sign", "--tags-output-file"]),
        (("plan", "--report", "r"), ["--report"]),
        (("preview", "--images-to-sign", "a:b"), ["--images-to-sign"]),
        (("tags", "--report", "r", "--name", "x", "--tags-output-file", "t"), ["--report"]),
        (("doctor", "--name", "x", "--context", "c", "--backend", "kaniko", "--tag", "t"), ["--tag"]),
        (("schema", "--name", "x", "--output", "json"), ["--name"]),
        (("schema", "--config", "c", "--repo", "o/r", "--timeout", "1m"), ["--config", "--repo", "--timeout"]),
        (("tags", "--dry-run", "--tags-output-file", "t", "--silent", "--log-dir", "d"), ["--dry-run"]),
        *(((mode, "--log-dir", "d", "--silent"), ["--log-dir", "--silent"]) for mode in ENGINELESS),
    ],
)
def test_a_flag_that_a_mode_would_have_to_ignore_is_refused(words: tuple[str, ...], wrong: list[str]) -> None:
    found = scan(list(words))
    chosen = mode_of(found.verb, found.values)[0]
    assert [problem.where for problem in misplaced(chosen, found.given, found.values)] == wrong
