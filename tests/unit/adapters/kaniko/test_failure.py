"""The meaning of kaniko's last message in each log format. The samples are real output, shortened."""

import pytest
from image_builder_adapters.kaniko.failure import failure_of
from image_builder_domain.build import BuildFailed, PushFailed
from image_builder_domain.image.reference import Digest

DIGEST = Digest("sha256:" + "a" * 64)
STEP = "error building stage: failed to execute command: waiting for process to exit: exit status 9"
STEP_FAILED = f"error building image: {STEP}"
TEXT = (
    'time="2026-11-25T10:02:07Z" level=info msg="Args: [sh -c echo one]"',
    'time="2026-11-25T10:02:07Z" level=info msg="Running: [/bin/busybox sh -c echo \\"one\\"]"',
)
COLOR = ("\x1b[36mINFO\x1b[0m[0000] Args: [sh]          ", "\x1b[36mINFO\x1b[0m[0000] Running: [/bin/busybox sh] ")
JSON = (
    '{"level":"info","msg":"Args: [sh]","time":"2026-11-25T10:02:07Z"}',
    '{"level":"info","msg":"Running: [/bin/busybox sh]","time":"2026-11-25T10:02:07Z"}',
)
WARNING = 'time="2026-11-25T10:02:08Z" level=warning msg="Error uploading layer to cache: no route"'
FATAL = 'time="2026-11-25T10:02:07Z" level=fatal msg="no \\"x\\" here"'
PRINTED = ('{"level": 3}', '{"broken', "[1]")
POSING = "error pushing image: not really"
UNKNOWN_IMAGE = 'error building stage: failed to get filesystem from image: unknown "x"'
DENIED = "failed to push to destination reg.example/app:1: PUT https://reg.example: DENIED"
FORBIDDEN = 'checking push permission for "reg.example/app:1": POST https://reg.example: DENIED'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(("earlier", *TEXT, "one", "two", STEP_FAILED), BuildFailed(STEP, ("one", "two"), 9), id="text"),
        pytest.param(("earlier", *COLOR, "one", "two", STEP_FAILED), BuildFailed(STEP, ("one", "two"), 9), id="color"),
        pytest.param(("earlier", *JSON, "one", "two", STEP_FAILED), BuildFailed(STEP, ("one", "two"), 9), id="json"),
        pytest.param(
            (*TEXT, "one", f"three{STEP_FAILED}"), BuildFailed(STEP, ("one", "three"), 9), id="no final newline"
        ),
        pytest.param(
            (*TEXT, "one", WARNING, "two", STEP_FAILED), BuildFailed(STEP, ("one", "two"), 9), id="log line between"
        ),
        pytest.param((*JSON, *PRINTED, STEP_FAILED), BuildFailed(STEP, PRINTED, 9), id="step prints JSON"),
        pytest.param(
            (*TEXT, *map(str, range(99)), STEP_FAILED),
            BuildFailed(STEP, tuple(map(str, range(49, 99))), 9),
            id="at most 50 lines",
        ),
        pytest.param((STEP_FAILED, *TEXT, "one"), BuildFailed(STEP, (), 9), id="message before the step"),
        pytest.param(
            (*TEXT, "one", f"error building image: {UNKNOWN_IMAGE}"), BuildFailed(UNKNOWN_IMAGE, (), 9), id="no step"
        ),
        pytest.param((*TEXT, POSING, STEP_FAILED), BuildFailed(STEP, (POSING,), 9), id="step poses as a failed push"),
        pytest.param(
            ("Error: unknown flag: --x", "Usage:"), BuildFailed("unknown flag: --x", (), 9), id="command line"
        ),
        pytest.param((*TEXT, FATAL), BuildFailed('no "x" here', (*TEXT, FATAL), 9), id="fatal"),
        pytest.param((), BuildFailed("kaniko ended with code 9 without an error message", (), 9), id="silent"),
    ],
)
def test_failed_build(lines: tuple[str, ...], expected: BuildFailed) -> None:
    assert failure_of(lines, 9, None) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(f"error pushing image: {DENIED}", PushFailed(DENIED, (), 1, DIGEST), id="push"),
        pytest.param(f"error checking push permissions: {FORBIDDEN}", PushFailed(FORBIDDEN, (), 1, DIGEST), id="check"),
    ],
)
def test_failed_push_keeps_the_digest_that_was_built(line: str, expected: PushFailed) -> None:
    assert failure_of((line,), 1, DIGEST) == expected


def test_killed_executor_is_a_failed_build_whatever_a_step_printed() -> None:
    expected = BuildFailed("kaniko was killed by signal 9 without an error message", (*TEXT, POSING), -9, DIGEST)
    assert failure_of((*TEXT, POSING), -9, DIGEST) == expected
