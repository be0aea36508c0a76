"""What kaniko's last words mean, in each of its log formats; the samples are real output, shortened."""

import pytest
from image_builder_adapters.kaniko.failure import failure_of
from image_builder_domain.build import BuildFailed, PushFailed
from image_builder_domain.image.reference import Digest

DIGEST = Digest("sha256:" + "a" * 64)
STEP_FAILED = "error building stage: failed to execute command: waiting for process to exit: exit status 9"
TEXT = (
    'time="2026-11-25T10:02:07Z" level=info msg="Args: [sh -c echo one]"',
    'time="2026-11-25T10:02:07Z" level=info msg="Running: [/bin/busybox sh -c echo \\"one\\"]"',
)
COLOR = ("\x1b[36mINFO\x1b[0m[0000] Args: [sh]          ", "\x1b[36mINFO\x1b[0m[0000] Running: [/bin/busybox sh] ")
JSON = (
    '{"level":"info","msg":"Args: [sh]","time":"2026-11-25T10:02:07Z"}',
    '{"level":"info","msg":"Running: [/bin/busybox sh]","time":"2026-11-25T10:02:07Z"}',
)


@pytest.mark.parametrize(
    "log", [pytest.param(TEXT, id="text"), pytest.param(COLOR, id="color"), pytest.param(JSON, id="json")]
)
def test_failing_step_is_told_with_what_it_printed(log: tuple[str, ...]) -> None:
    lines = ("of an earlier step", *log, "one", "two", f"error building image: {STEP_FAILED}")
    assert failure_of(lines, 9, None) == BuildFailed(STEP_FAILED, ("one", "two"), 9)


def test_last_line_of_a_step_may_lack_its_newline() -> None:
    lines = (*TEXT, "one", f"threeerror building image: {STEP_FAILED}")
    assert failure_of(lines, 9, None) == BuildFailed(STEP_FAILED, ("one", "three"), 9)


def test_log_lines_between_are_not_the_steps_own() -> None:
    warning = 'time="2026-11-25T10:02:08Z" level=warning msg="Error uploading layer to cache: no route"'
    lines = (*TEXT, "one", warning, "two", f"error building image: {STEP_FAILED}")
    assert failure_of(lines, 9, None) == BuildFailed(STEP_FAILED, ("one", "two"), 9)


def test_json_that_a_step_prints_is_its_own() -> None:
    printed = ('{"level": 3}', '{"broken', "[1]")
    lines = (*JSON, *printed, f"error building image: {STEP_FAILED}")
    assert failure_of(lines, 9, None) == BuildFailed(STEP_FAILED, printed, 9)


def test_at_most_50_lines_are_told() -> None:
    lines = (*TEXT, *map(str, range(99)), f"error building image: {STEP_FAILED}")
    assert failure_of(lines, 1, None) == BuildFailed(STEP_FAILED, tuple(map(str, range(49, 99))), 1)


def test_failure_outside_a_step_has_no_last_lines() -> None:
    reason = 'error building stage: failed to get filesystem from image: unknown "x"'
    assert failure_of((*TEXT, "one", f"error building image: {reason}"), 1, None) == BuildFailed(reason, (), 1)


def test_push_that_failed_is_told_with_the_digest_that_was_built() -> None:
    reason = "failed to push to destination reg.example/app:1: PUT https://reg.example: DENIED"
    assert failure_of((f"error pushing image: {reason}",), 1, DIGEST) == PushFailed(reason, (), 1, DIGEST)


def test_missing_permission_is_a_failed_push_though_nothing_was_built() -> None:
    reason = 'checking push permission for "reg.example/app:1": POST https://reg.example: DENIED'
    found = failure_of((f"error checking push permissions: {reason}",), 1, None)
    assert found == PushFailed(reason, (), 1, None)


def test_step_cannot_pass_for_a_failed_push() -> None:
    lines = (*TEXT, "error pushing image: not really", f"error building image: {STEP_FAILED}")
    assert failure_of(lines, 9, DIGEST) == BuildFailed(STEP_FAILED, ("error pushing image: not really",), 9, DIGEST)


def test_executor_that_was_killed_has_no_last_words() -> None:
    found = failure_of((*TEXT, "error pushing image: not really"), -9, DIGEST)
    assert isinstance(found, BuildFailed)
    assert "signal 9" in found.reason
    assert found.last_lines[-1] == "error pushing image: not really"


def test_refusal_of_the_command_line_is_told() -> None:
    found = failure_of(("Error: unknown flag: --x", "Usage:", "  executor [flags]"), 1, None)
    assert found == BuildFailed("unknown flag: --x", (), 1)


def test_fatal_log_line_is_told() -> None:
    found = failure_of((*TEXT, 'time="2026-11-25T10:02:07Z" level=fatal msg="no \\"x\\" here"'), 1, None)
    assert isinstance(found, BuildFailed)
    assert found.reason == 'no "x" here'


def test_silent_end_is_told_with_its_code() -> None:
    assert failure_of((), 3, None) == BuildFailed("kaniko ended with code 3 without an error message", (), 3)
