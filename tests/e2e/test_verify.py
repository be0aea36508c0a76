"""Verifying what was published and who signed it, with real cosign and a real registry."""

import json
import urllib.request
from typing import Any

import pytest

from tests.e2e.run import Finished
from tests.e2e.test_signers import add_cosign
from tests.e2e.world import World
from tests.oci_registry import PushedImage, push_image

pytestmark = pytest.mark.e2e


def verify(world: World, *arguments: str) -> Finished:
    return world.command("image-builder", "verify", *arguments, "--config", world.config_file())


def found(world: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = verify(world, *arguments, "--output", "json")
    assert done.out, done.err
    answer: dict[str, Any] = json.loads(done.out)
    assert answer["verified"] == (done.code == 0)
    return done.code, answer


@pytest.fixture
def signed(world: World) -> tuple[str, PushedImage]:
    """An image that a cosign signer and a notary service signed, with the report of that in ``report.json``."""
    add_cosign(world, alone=False)
    host = world.registry.host_port
    image = push_image(host, "prod/app", "v1")
    reference = f"{host}/prod/app:v1"
    assert world.sign("--images-to-sign", reference).code == 0
    return reference, image


def test_a_signed_image_is_verified_by_whoever_has_the_public_key(
    world: World, signed: tuple[str, PushedImage]
) -> None:
    reference, image = signed
    world.environment.pop("COSIGN_PASSWORD")
    code, answer = found(world, reference)
    assert code == 0
    (one,) = answer["images"]
    assert (one["digest"], one["verified_by"]) == (str(image.descriptor.digest), ["sigstore"])
    by_digest = f"{reference.rpartition(':')[0]}@{image.descriptor.digest}"
    assert found(world, by_digest)[0] == 0
    done = verify(world, reference)
    assert f"{reference}: verified" in done.out


def test_outside_ci_no_working_copy_is_needed(world: World, signed: tuple[str, PushedImage]) -> None:
    world.environment.clear()
    assert found(world, signed[0])[0] == 0


def test_an_unsigned_image_is_5_beside_a_signed_one(world: World, signed: tuple[str, PushedImage]) -> None:
    other = push_image(world.registry.host_port, "prod/app", "v2", marker="other")
    unsigned = signed[0].replace(":v1", ":v2")
    code, answer = found(world, signed[0], unsigned)
    assert code == 5
    assert [one["verified"] for one in answer["images"]] == [True, False]
    assert answer["images"][1]["digest"] == str(other.descriptor.digest)
    missing, listed = answer["images"][1]["not_signed"]
    assert "sigstore: cosign verify: no signatures found" in missing
    assert listed == "the registry lists nothing that refers to it"


def test_an_image_signed_by_another_key_is_5(world: World, signed: tuple[str, PushedImage]) -> None:
    (world.folder / "keys" / "cosign.pub").unlink()
    (world.folder / "keys").rename(world.folder / "former-keys")
    add_cosign(world)
    code, answer = found(world, signed[0])
    assert code == 5
    assert "application/vnd.dev.sigstore.bundle" in answer["images"][0]["not_signed"][1]


@pytest.mark.parametrize("form", ["human", "json"])
def test_what_a_stranger_pushed_beside_an_image_is_shown_so_that_no_ci_system_obeys_it(form: str, world: World) -> None:
    add_cosign(world)
    host = world.registry.host_port
    image = push_image(host, "prod/app", "v2", marker="other")
    kind = "x\n##vso[task.complete]\n::error::mine\nprod/app:v2: verified"
    listed = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {
                    "mediaType": image.descriptor.media_type,
                    "digest": str(image.descriptor.digest),
                    "size": image.descriptor.size,
                    "artifactType": kind,
                }
            ],
        }
    ).encode()
    tag = f"sha256-{image.descriptor.digest.hexadecimal}"
    request = urllib.request.Request(f"http://{host}/v2/prod/app/manifests/{tag}", listed, method="PUT")
    request.add_header("Content-Type", "application/vnd.oci.image.index.v1+json")
    urllib.request.urlopen(request, timeout=10).close()
    done = verify(world, f"{host}/prod/app:v2", "--output", form)
    assert done.code == 5
    assert "task.complete" in done.out
    assert "##vso[" not in done.out
    assert not any(line.startswith(("::", "prod/app:v2: ver")) for line in done.out.splitlines())


def test_a_missing_image_is_5_and_not_called_unsigned(world: World, signed: tuple[str, PushedImage]) -> None:
    code, answer = found(world, signed[0].replace(":v1", ":absent"))
    image = answer["images"][0]
    assert (code, "does not hold it" in image["not_read"], image["not_signed"]) == (5, True, [])


def test_a_digest_that_the_tag_does_not_have_is_4(world: World, signed: tuple[str, PushedImage]) -> None:
    other = push_image(world.registry.host_port, "prod/app", "v2", marker="other")
    code, answer = found(world, f"{signed[0]}@{other.descriptor.digest}")
    assert code == 4
    assert str(other.descriptor.digest) in answer["images"][0]["differs"]


def test_a_whole_report_is_verified_and_says_what_nobody_can_look_up(
    world: World, signed: tuple[str, PushedImage]
) -> None:
    code, answer = found(world, "--report", str(world.artifacts / "report.json"))
    assert code == 0
    (one,) = answer["images"]
    assert (one["reference"], one["verified_by"], one["accepted_by"]) == (signed[0], ["sigstore"], ["local"])


def test_a_report_whose_tag_moved_is_4(world: World, signed: tuple[str, PushedImage]) -> None:
    push_image(world.registry.host_port, "prod/app", "v1", marker="moved")
    code, answer = found(world, "--report", str(world.artifacts / "report.json"))
    assert code == 4
    assert str(signed[1].descriptor.digest) in answer["images"][0]["differs"]


def test_a_report_of_notary_alone_needs_the_registry_to_hold_the_digest(world: World) -> None:
    host = world.registry.host_port
    push_image(host, "prod/app", "v1")
    assert world.sign("--images-to-sign", f"{host}/prod/app:v1").code == 0
    report = str(world.artifacts / "report.json")
    assert found(world, "--report", report)[1]["images"][0]["accepted_by"] == ["local"]
    push_image(host, "prod/app", "v1", marker="moved")
    assert found(world, "--report", report)[0] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], ["no image is named", "--report"], id="nothing"),
        pytest.param(["app"], ["'app' is not an image reference", "host/image:tag"], id="reference"),
        pytest.param(["registry.invalid/app:v1"], ["no signer whose signatures can be looked up"], id="notary-alone"),
        pytest.param(["--report", "/nowhere.json"], ["/nowhere.json", "does not exist"], id="no-report"),
        pytest.param(["--report", "config.yaml"], ["this is not JSON"], id="no-json"),
        pytest.param(["--tag", "x"], ["--tag", "no meaning"], id="flag-of-a-build"),
    ],
)
def test_wrong_questions_are_refused(world: World, arguments: list[str], words: list[str]) -> None:
    done = verify(world, *arguments)
    assert done.code == 2, done.err
    assert done.out == ""
    for word in words:
        assert word in done.err


def test_an_image_that_the_report_does_not_tell_of_is_refused(world: World, signed: tuple[str, PushedImage]) -> None:
    done = verify(world, signed[0].replace(":v1", ":v2"), "--report", str(world.artifacts / "report.json"))
    assert done.code == 2
    assert "does not list" in done.err
