"""Telling a failed build from a failed push by buildctl's last words."""

import pytest
from image_builder_adapters.buildkit.outcome import failure_of
from image_builder_domain.build import BuildFailed, EngineUnavailable, PushFailed
from image_builder_domain.image.reference import Digest

FAILED_RUN = (
    "#4 [1/2] COPY busybox /bin/busybox",
    "#4 CACHED",
    "#5 [2/2] RUN make",
    *(f"#5 0.{number:03} line {number}" for number in range(60)),
    "#6 0.100 of another step",
    '#5 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 7',
    "------",
    " > [2/2] RUN make:",
    "0.059 line 59",
    "------",
    "Dockerfile:3",
    "   3 | >>> RUN make",
    'error: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 7',
)


def failure(*lines: str) -> BuildFailed | PushFailed | EngineUnavailable:
    return failure_of(lines, 1, "unix:///there", "do something")


def test_failed_step_tells_its_reason_and_its_last_50_lines_without_numbers() -> None:
    assert failure(*FAILED_RUN) == BuildFailed(
        'process "/bin/sh -c make" did not complete successfully: exit code: 7',
        tuple(f"line {number}" for number in range(10, 60)),
        1,
    )


def test_failed_push_is_told_from_a_failed_build() -> None:
    line = 'failed to push a.example/app:1: failed to do request: Head "https://a.example/v2/": connection refused'
    assert failure(f"#7 ERROR: {line}", f"error: failed to solve: {line}") == PushFailed(line, (), 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('error: failed to solve: process "sh -c echo failed to push x" did not complete', id="command"),
        pytest.param("error: failed to solve: failed to read dockerfile: open failed to push: no such file", id="file"),
        pytest.param("error: failed to solve: busybox: failed to push: not found", id="image"),
    ],
)
def test_words_of_the_user_do_not_make_a_build_failure_a_push_failure(text: str) -> None:
    assert isinstance(failure(text), BuildFailed)


def test_when_all_was_done_and_only_the_word_on_it_is_lost_the_digest_is_known() -> None:
    made = "sha256:" + "5" * 64
    done = (f"#6 exporting manifest {made} done", "#6 pushing layers 0.0s done", "#6 DONE 0.1s")
    error = "open /tmp/x/.tmp-metadata.json1: no space left on device"
    found = failure(*done, f"error: {error}")
    assert found == PushFailed(f"BuildKit made {made}, but its report of it is lost: {error}", (), 1, Digest(made))
    assert failure(f"error: {error}") == BuildFailed(error, (), 1)


def test_output_of_a_step_cannot_pose_as_the_engines_error() -> None:
    lines = (
        "#5 0.1 error: failed to solve: failed to push x",
        "error: failed to solve: dockerfile parse error on line 2",
    )
    assert failure(*lines) == BuildFailed("dockerfile parse error on line 2", (), 1)


def test_daemon_that_does_not_answer_is_unavailable() -> None:
    line = 'error: listing workers for Build: failed to list workers: Unavailable: connection error: desc = "dial unix"'
    assert failure(line) == EngineUnavailable(
        "unix:///there", 'BuildKit does not answer: Unavailable: connection error: desc = "dial unix"', "do something"
    )


def test_client_that_dies_without_a_word_shows_its_last_lines() -> None:
    assert failure("#1 0.1 a", "b") == BuildFailed(
        "buildctl ended with code 1 without an error message", ("#1 0.1 a", "b"), 1
    )


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(["level=info", "no runc"], id="last-line"),
        pytest.param(
            ["buildkitd: no runc", "main.main", "\tmain.go:488", "script: kill: No such process", ""], id="trace"
        ),
    ],
)
def test_script_whose_daemon_does_not_come_up_is_unavailable_with_the_daemons_last_word(log: list[str]) -> None:
    silent = "could not connect to unix:///run/x.sock after 10 trials"
    found = failure(silent, "========== log ==========", *log)
    assert isinstance(found, EngineUnavailable)
    assert found.reason.startswith(f"{silent}; its log says: ")
    assert found.reason.endswith("no runc")
