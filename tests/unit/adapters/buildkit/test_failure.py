"""Why a build failed: the vertices decide, and buildctl's message describes it."""

import pytest
from image_builder_adapters.buildkit.failure import failure_of, unreported
from image_builder_adapters.buildkit.progress import FailedVertex, Progress
from image_builder_domain.build import BuildFailed, EngineUnavailable, PushFailed
from image_builder_domain.build_steps import BuildSteps, FailurePlace
from image_builder_domain.image.reference import Digest

DIGEST = Digest("sha256:" + "5a" * 32)
RUN = 'process "/bin/sh -c make" did not complete successfully: exit code: 7'
DENIED = "failed to push a.example/app: failed to authorize: 401 Unauthorized"
NO_SPACE = "open /tmp/x/.tmp-metadata.json1: no space left on device"
UNAVAILABLE = 'Unavailable: connection error: desc = "dial unix"'
SILENT = "could not connect to unix:///run/x.sock after 10 trials"
LOST = "failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF"
SCRIPT_LOG = ("buildkitd: no runc", "main.main", "\tmain.go:488", "script: kill: No such process", "")
STEP = FailedVertex("[2/2] RUN make", RUN, is_push=False, last_lines=("line 9",))
PUSH = FailedVertex("exporting to image", DENIED, is_push=True)
PLACE = BuildSteps(failed_at=FailurePlace("Dockerfile", 3))


def lost(reason: str) -> EngineUnavailable:
    return EngineUnavailable("unix:///x", reason, "do something")


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        pytest.param(
            Progress(PLACE, STEP, f"failed to solve: {RUN}", has_begun=True),
            BuildFailed(f"Dockerfile:3: {RUN}", ("line 9",), 1, steps=PLACE),
            id="failed step",
        ),
        pytest.param(
            Progress(cause=PUSH, error="failed to solve: 401", has_begun=True, has_pushed=True, digest=DIGEST),
            PushFailed("401", (), 1, DIGEST),
            id="push that a token service refuses, which buildctl's message does not say",
        ),
        pytest.param(
            Progress(error=NO_SPACE, has_begun=True, has_pushed=True, digest=DIGEST),
            PushFailed(f"BuildKit made {DIGEST}, but its report of it is lost: {NO_SPACE}", (), 1, DIGEST),
            id="pushed, but no metadata",
        ),
        pytest.param(
            Progress(error=LOST, has_begun=True, has_pushed=True, digest=DIGEST),
            PushFailed(f"BuildKit made {DIGEST}, but its report of it is lost: {LOST}", (), 1, DIGEST),
            id="daemon killed while it pushed",
        ),
        pytest.param(
            Progress(error=LOST, has_begun=True),
            lost("BuildKit was lost while it built: error reading from server: EOF"),
            id="daemon killed while it built",
        ),
        pytest.param(
            Progress(PLACE, error="failed to solve: dockerfile parse error: failed to push x", has_begun=True),
            BuildFailed("Dockerfile:3: dockerfile parse error: failed to push x", (), 1, steps=PLACE),
            id="parse error with the words of a failed push",
        ),
        pytest.param(
            Progress(cause=FailedVertex("exporting to image", NO_SPACE, is_push=False), has_begun=True),
            BuildFailed(NO_SPACE, (), 1),
            id="export before any push",
        ),
        pytest.param(Progress(error=NO_SPACE), BuildFailed(NO_SPACE, (), 1), id="buildctl alone"),
        pytest.param(
            Progress(error=f"listing workers for Build: failed to list workers: {UNAVAILABLE}"),
            lost(f"BuildKit does not answer: {UNAVAILABLE}"),
            id="no daemon",
        ),
        pytest.param(
            Progress(plain=("a", "b")),
            BuildFailed("buildctl ended with code 1 without an error message", ("a", "b"), 1),
            id="silent",
        ),
        pytest.param(
            Progress(plain=(SILENT, "========== log ==========", "level=info", "no runc")),
            lost(f"{SILENT}; its log says: no runc"),
            id="script without a daemon",
        ),
        pytest.param(
            Progress(plain=(SILENT, "========== log ==========", *SCRIPT_LOG)),
            lost(f"{SILENT}; its log says: buildkitd: no runc"),
            id="script whose daemon crashes",
        ),
    ],
)
def test_failure(progress: Progress, expected: BuildFailed | PushFailed | EngineUnavailable) -> None:
    assert failure_of(progress, 1, "unix:///x", "do something") == expected


def test_reason_of_a_long_script_keeps_its_end() -> None:
    long = f'process "{"x" * 9000}" did not complete successfully: exit code: 7'
    failure = failure_of(Progress(cause=STEP, error=f"failed to solve: {long}", has_begun=True), 1, "", "")
    assert isinstance(failure, BuildFailed)
    assert len(failure.reason) < 2100
    assert failure.reason.endswith("exit code: 7")


@pytest.mark.parametrize(("digest", "kind"), [(DIGEST, PushFailed), (None, BuildFailed)])
def test_image_without_a_report_may_have_been_pushed(digest: Digest | None, kind: type) -> None:
    assert isinstance(unreported(Progress(has_begun=True, digest=digest), "no file", 0), kind)
