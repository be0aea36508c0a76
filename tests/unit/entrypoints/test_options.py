"""Typed options, the mode that they choose, and the flags that a mode refuses."""

from typing import Literal, get_type_hints

import pytest
from image_builder.flag_table import CHOICE, DURATION, FLAGS, LIST, NUMBER, REPEATED, SWITCH, TEXT
from image_builder.flags import scan
from image_builder.options import Options, field_of, misplaced, mode_of, unused

MODES = ("build", "remote", "tags", "sign", "publish", "verify", "preview", "doctor", "schema")
ENGINELESS = ("sign", "verify", "preview", "doctor", "schema")
"""Modes that start no engine, and so have no output of one to log or to silence."""
TYPES = {
    TEXT: str | None,
    SWITCH: bool,
    REPEATED: tuple[str, ...],
    LIST: tuple[str, ...],
    NUMBER: int | None,
    DURATION: float | None,
    CHOICE: Literal["human", "json"],
}


def test_every_flag_has_a_field_of_its_type() -> None:
    expected = {
        field_of(name): str if flag[1] == TEXT and flag[2] else TYPES[flag[1]]
        for name, flag in FLAGS.items()
        if name not in ("help", "version")
    }
    assert get_type_hints(Options) == expected
    assert Options.of(scan(["--tag=a", "--tag=b", "--timeout=1m"]).values).tag == ("a", "b")


def test_every_flag_belongs_to_modes_that_exist() -> None:
    assert {mode for flag in FLAGS.values() for mode in flag[4].replace("?", "").split()} == set(MODES)


def mode(*words: str) -> tuple[str, list[str]]:
    found = scan(list(words))
    chosen, problems = mode_of(found.verb, Options.of(found.values))
    return chosen, [problem.where for problem in problems]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "build"),
        (("build",), "build"),
        (("plan",), "build"),
        (("--parse-tags-only",), "tags"),
        (("tags", "--parse-tags-only"), "tags"),
        (("--sign-only",), "sign"),
        (("--ado-preview-run",), "preview"),
        (("--sign-only=false",), "build"),
        (("--build-in-ado",), "remote"),
        (("--build-in-ado=false",), "build"),
        (("plan", "--backend", "ado"), "remote"),
        (("--backend", "kaniko"), "build"),
        (("preview", "--build-in-ado"), "preview"),
        (("tags", "--build-in-ado"), "tags"),
    ],
)
def test_verb_and_flags_choose_a_mode(words: tuple[str, ...], expected: str) -> None:
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


def refused(*words: str) -> list[str]:
    found = scan(list(words))
    options = Options.of(found.values)
    return [str(problem) for problem in misplaced(mode_of(found.verb, options)[0], found.given, options)]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("--ado-preview-output", "x"), ["--ado-preview-output"]),
        (("--build-in-ado", "--ado-preview-run-yaml-path", "x"), ["--ado-preview-run-yaml-path"]),
        (("preview", "--ado-preview-run-yaml-path", "x", "--ado-preview-output", "y"), []),
        (("--test-kaniko-build-config",), ["--test-kaniko-build-config"]),
        (("--test-kaniko-build-config=false", "--keep-going=true"), []),
        (("--test-kaniko-build-config", "--build-in-ado"), []),
        (("sign", "--test-kaniko-build-config"), ["--test-kaniko-build-config"]),
        (("--build-in-ado", "--keep-going=false", "--max-parallel=2"), ["--max-parallel", "--keep-going"]),
        (("preview", "--build-report-path", "r", "--ado-state-output"), ["--ado-state-output", "--build-report-path"]),
        (("verify", "--dry-run", "--images-to-sign", "a:b"), ["--images-to-sign", "--dry-run"]),
        (("verify", "--build-report-path", "r", "--ado-state-output"), ["--ado-state-output", "--build-report-path"]),
        (("verify", "--report", "r"), []),
        (("sign", "--report", "r", "--name", "x", "--images-to-sign", "a:b"), ["--report"]),
        (("--images-to-sign", "a:b", "--tags-output-file", "t"), ["--tags-output-file", "--images-to-sign"]),
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
    assert [problem.partition(":")[0] for problem in refused(*words)] == wrong


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (
            ("sign", "--name=x", "--context=.", "--dockerfile=d", "--images-to-sign=a:b"),
            ("name", "context", "dockerfile"),
        ),
        (("tags", "--target=s", "--platform=linux/arm64", "--variant=v", "--tag=t"), ("target", "platform", "variant")),
        (("tags", "--name=x", "--env-file=e", "--context=c", "--dockerfile=d"), ("name",)),
        (("tags", "--target=", "--variant="), ()),
        (("build", "--name=x"), ()),
    ],
)
def test_a_flag_that_a_mode_takes_for_other_modes_is_named(words: tuple[str, ...], named: tuple[str, ...]) -> None:
    found = scan(list(words))
    assert (unused(mode_of(found.verb, Options.of(found.values))[0], found.given), refused(*words)) == (named, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("plan", "--report=r"),
            "--report: it has no meaning for the mode build; leave it out, or use the verb verify",
        ),
        (
            ("--test-kaniko-build-config",),
            "--test-kaniko-build-config: it has no meaning for the mode build; leave it out, or add --build-in-ado",
        ),
        (("sign", "--tag=x"), "--tag: it has no meaning for the mode sign; leave it out"),
        (
            ("--build-in-ado", "--max-parallel=2"),
            "--max-parallel: it has no meaning for a build in Azure DevOps; leave it out",
        ),
    ],
)
def test_a_refused_flag_names_the_mode_that_it_belongs_to(words: tuple[str, ...], message: str) -> None:
    assert refused(*words) == [message]
