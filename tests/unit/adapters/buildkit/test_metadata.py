"""The pushed image, as buildctl reports it in its metadata file."""

import json

import pytest
from image_builder_adapters.buildkit.metadata import BadMetadata, parse_metadata
from image_builder_domain.build import BuiltImage
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from returns.result import Success

DIGEST = "sha256:" + "5a" * 32


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
