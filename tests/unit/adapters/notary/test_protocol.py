"""The exact bytes of both protocols."""

from dataclasses import replace

import pytest
from image_builder_adapters.notary.protocol import V1, V2, NotaryProtocol
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.signing import ImageToSign
from returns.result import Success

A, C = "a" * 64, "c" * 64


def image(text: str) -> ImageToSign:
    manifest = Descriptor(OCI_MANIFEST, Digest(f"sha256:{A}"), 524)
    config = Descriptor("application/vnd.oci.image.config.v1+json", Digest(f"sha256:{C}"), 1187)
    return ImageToSign(ImageReference.parse(text).unwrap(), manifest, config)


DEMO, ALPINE = image("reg.example/dev/demo:v1"), image("alpine:3")
INDEX = replace(DEMO, descriptor=Descriptor(OCI_INDEX, Digest(f"sha256:{A}"), 317), config=None)


def test_v1_names_the_configuration_and_the_repository_as_written() -> None:
    assert V1.body((DEMO, ALPINE)) == Success(
        f'[{{"notaryGun":"reg.example/dev/demo","sha256":"{C}","byteSize":1187,"version":"v1"}},'
        f'{{"notaryGun":"alpine","sha256":"{C}","byteSize":1187,"version":"3"}}]'.encode()
    )


def test_v2_names_the_manifest_and_the_normalised_repository() -> None:
    assert V2.body((DEMO, ALPINE)) == Success(
        '{"trustedCollections":['
        f'{{"gun":"reg.example/dev/demo","targets":[{{"name":"v1","byteSize":524,"digest":"{A}"}}]}},'
        f'{{"gun":"index.docker.io/library/alpine","targets":[{{"name":"3","byteSize":524,"digest":"{A}"}}]}}]}}'.encode()
    )


def test_v2_does_not_merge_equal_repositories() -> None:
    assert V2.body((DEMO, DEMO)).unwrap().count(b'"gun"') == 2


def test_v2_names_an_index_by_its_own_digest_and_size() -> None:
    assert b'"byteSize":317' in V2.body((INDEX,)).unwrap()


def test_v1_refuses_an_index() -> None:
    problem = V1.body((DEMO, INDEX)).failure()
    assert "several platforms" in problem
    assert "mtls" in problem


@pytest.mark.parametrize("protocol", [V1, V2])
def test_an_image_without_a_tag_is_refused(protocol: NotaryProtocol) -> None:
    assert "has no tag" in protocol.body((image(f"reg.example/dev/demo@sha256:{A}"),)).failure()


@pytest.mark.parametrize("protocol", [V1, V2])
def test_a_plan_shows_placeholders_for_digests_and_sizes(protocol: NotaryProtocol) -> None:
    shown = protocol.example((DEMO.reference,))
    assert b'"<digest>"' in shown
    assert b'"<size>"' in shown
