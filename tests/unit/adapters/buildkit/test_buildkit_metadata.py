"""BuildKit's metadata file."""

import json

import pytest
from image_builder_adapters.buildkit.outcome import BadMetadata, parse_metadata
from image_builder_domain.build import BuiltImage
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from returns.result import Success

DIGEST = "sha256:" + "5a" * 32


def content(digest: object = DIGEST, **descriptor: object) -> bytes:
    described = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 855, **descriptor}
    return json.dumps({"containerimage.digest": digest, "containerimage.descriptor": described}).encode()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX])
def test_descriptor_is_taken_as_reported(media_type: str) -> None:
    described = Descriptor(media_type, Digest(DIGEST), 855)
    assert parse_metadata(content(mediaType=media_type)) == Success(BuiltImage(described))


def test_platform_of_a_single_image_is_taken_as_reported() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    assert parse_metadata(content(platform=platform)).unwrap().platform == Platform("linux", "arm", "v7")


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        pytest.param(b"", "invalid JSON", id="empty"),
        pytest.param(b"\xff\xfe", "invalid JSON", id="no-text"),
        pytest.param(b"[" * 100_000, "invalid JSON", id="nested"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(b"{}", "containerimage.descriptor is missing", id="nothing-pushed"),
        pytest.param(content(digest="sha256:short"), "not a digest", id="short-digest"),
        pytest.param(content(digest=None), "not a digest", id="null-digest"),
        pytest.param(content(digest="sha512:" + "5a" * 64), "not a digest", id="other-algorithm"),
        pytest.param(content().replace(b'"containerimage.digest"', b'"x"'), "differs", id="one-digest"),
        pytest.param(content(size="855"), "not the size", id="text-size"),
        pytest.param(content(size=True), "not the size", id="boolean-size"),
        pytest.param(content(size=-1), "not the size", id="negative-size"),
        pytest.param(content(mediaType="text/html"), "not a media type", id="media-type"),
        pytest.param(content(mediaType=[]), "not a media type", id="media-type-list"),
    ],
)
def test_broken_metadata_is_refused_with_its_reason(broken: bytes, word: str) -> None:
    problem = parse_metadata(broken).failure()
    assert isinstance(problem, BadMetadata)
    assert word in str(problem)
