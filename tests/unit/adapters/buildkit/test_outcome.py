"""What buildctl reports: the pushed image in its metadata file, or the failure in its last lines."""

import json

import pytest
from image_builder_adapters.buildkit.outcome import BadMetadata, failure_of, parse_metadata
from image_builder_domain.build import BuildFailed, BuiltImage, EngineUnavailable, PushFailed
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from returns.result import Success

DIGEST = "sha256:" + "5a" * 32
RUN = 'process "/bin/sh -c make" did not complete successfully: exit code: 7'
PUSH = 'failed to push a.example/app:1: failed to do request: Head "https://a.example/v2/": connection refused'
NO_SPACE = "open /tmp/x/.tmp-metadata.json1: no space left on device"
UNAVAILABLE = 'Unavailable: connection error: desc = "dial unix"'
SILENT = "could not connect to unix:///run/x.sock after 10 trials"
FAILED_RUN = (
    "#4 [1/2] COPY busybox /bin/busybox",
    "#4 CACHED",
    "#5 [2/2] RUN make",
    *(f"#5 0.{number:03} line {number}" for number in range(60)),
    "#6 0.100 of another step",
    f"#5 ERROR: {RUN}",
    "------",
    " > [2/2] RUN make:",
    "0.059 line 59",
    "------",
    "Dockerfile:3",
    "   3 | >>> RUN make",
    f"error: failed to solve: {RUN}",
)
EXPORTED = (f"#6 exporting manifest {DIGEST} done", "#6 pushing layers 0.0s done", "#6 DONE 0.1s")
SCRIPT_LOG = ("buildkitd: no runc", "main.main", "\tmain.go:488", "script: kill: No such process", "")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            FAILED_RUN, BuildFailed(RUN, tuple(f"line {number}" for number in range(10, 60)), 1), id="failed step"
        ),
        pytest.param((f"#7 ERROR: {PUSH}", f"error: failed to solve: {PUSH}"), PushFailed(PUSH, (), 1), id="push"),
        pytest.param(
            (*EXPORTED, f"error: {NO_SPACE}"),
            PushFailed(f"BuildKit made {DIGEST}, but its report of it is lost: {NO_SPACE}", (), 1, Digest(DIGEST)),
            id="pushed, but no metadata",
        ),
        pytest.param((f"error: {NO_SPACE}",), BuildFailed(NO_SPACE, (), 1), id="neither pushed nor metadata"),
        pytest.param(
            ("#5 0.1 error: failed to solve: failed to push x", "error: failed to solve: parse error on line 2"),
            BuildFailed("parse error on line 2", (), 1),
            id="step poses as buildctl",
        ),
        pytest.param(
            (f"error: listing workers for Build: failed to list workers: {UNAVAILABLE}",),
            EngineUnavailable("unix:///x", f"BuildKit does not answer: {UNAVAILABLE}", "do something"),
            id="no daemon",
        ),
        pytest.param(
            ("#1 0.1 a", "b"),
            BuildFailed("buildctl ended with code 1 without an error message", ("#1 0.1 a", "b"), 1),
            id="silent",
        ),
        pytest.param(
            (SILENT, "========== log ==========", "level=info", "no runc"),
            EngineUnavailable("unix:///x", f"{SILENT}; its log says: no runc", "do something"),
            id="script without a daemon",
        ),
        pytest.param(
            (SILENT, "========== log ==========", *SCRIPT_LOG),
            EngineUnavailable("unix:///x", f"{SILENT}; its log says: buildkitd: no runc", "do something"),
            id="script whose daemon crashes",
        ),
    ],
)
def test_failure(lines: tuple[str, ...], expected: BuildFailed | PushFailed | EngineUnavailable) -> None:
    assert failure_of(lines, 1, "unix:///x", "do something") == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('process "sh -c echo failed to push x" did not complete', id="command"),
        pytest.param("failed to read dockerfile: open failed to push: no such file", id="file"),
        pytest.param("busybox: failed to push: not found", id="image"),
    ],
)
def test_text_of_the_user_does_not_make_a_failed_build_a_failed_push(text: str) -> None:
    assert failure_of((f"error: failed to solve: {text}",), 1, "", "") == BuildFailed(text, (), 1)


def metadata(digest: object = DIGEST, **descriptor: object) -> bytes:
    described = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 855, **descriptor}
    return json.dumps({"containerimage.digest": digest, "containerimage.descriptor": described}).encode()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX])
def test_descriptor_is_the_reported_one(media_type: str) -> None:
    described = Descriptor(media_type, Digest(DIGEST), 855)
    assert parse_metadata(metadata(mediaType=media_type)) == Success(BuiltImage(described))


def test_platform_of_a_single_image_is_the_reported_one() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    assert parse_metadata(metadata(platform=platform)).unwrap().platform == Platform("linux", "arm", "v7")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"\xff\xfe", "not JSON", id="not text"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(b"{}", "containerimage.descriptor is missing", id="nothing pushed"),
        pytest.param(metadata(digest="sha256:short"), "not a digest", id="short digest"),
        pytest.param(metadata(digest=None), "not a digest", id="null digest"),
        pytest.param(metadata(digest="sha512:" + "5a" * 64), "not a digest", id="other algorithm"),
        pytest.param(metadata().replace(b'"containerimage.digest"', b'"x"'), "differs", id="one digest"),
        pytest.param(metadata(size="855"), "not the size", id="text as size"),
        pytest.param(metadata(size=True), "not the size", id="boolean as size"),
        pytest.param(metadata(size=-1), "not the size", id="negative size"),
        pytest.param(metadata(mediaType="text/html"), "not a media type", id="media type"),
        pytest.param(metadata(mediaType=[]), "not a media type", id="list as media type"),
    ],
)
def test_broken_metadata_is_refused_with_its_reason(broken: bytes, reason: str) -> None:
    problem = parse_metadata(broken).failure()
    assert isinstance(problem, BadMetadata)
    assert reason in str(problem)
