"""Signing images that exist, with a real registry and a signing service."""

import json

import pytest

from tests.e2e.run import Finished
from tests.e2e.world import World
from tests.oci_registry import PushedImage, push_image
from tests.raw_server import answer, raw_server, says

pytestmark = pytest.mark.e2e


def pushed(world: World, tag: str, **more: object) -> tuple[str, PushedImage]:
    host = world.registry.host_port
    return f"{host}/prod/app:{tag}", push_image(host, "prod/app", tag, marker=tag, **more)  # type: ignore[arg-type]


def accepted(world: World) -> set[tuple[str, str, str, int]]:
    return {(image.gun, image.tag, str(image.digest), image.size) for image in world.signing.received}


def assert_nothing_signed(world: World, done: Finished, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert world.signing.requests == ()
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


@pytest.mark.parametrize("program", ["image-signer", "image-builder"])
def test_what_a_tag_is_gets_signed_all_images_in_one_request(world: World, program: str) -> None:
    (one, first), (two, second) = pushed(world, "v1"), pushed(world, "v2", platforms=("linux/amd64", "linux/arm64"))
    mode = ["--sign-only"] if program == "image-builder" else []
    both = f"{two}@{second.descriptor.digest}"
    done = world.sign(*mode, "--images-to-sign", f"{one},{both}", "--images-to-sign", one, program=program)
    assert done.code == 0, done.err
    gun = one.rpartition(":")[0]
    assert accepted(world) == {
        (gun, "v1", str(first.descriptor.digest), first.descriptor.size),
        (gun, "v2", str(second.descriptor.digest), second.descriptor.size),
    }
    assert len(world.signing.requests) == 1
    assert f"signing {one} as {first.descriptor.digest}" in done.err
    report = done.report
    assert (report["outcome"], report["signed"], report["pushed"]) == ("success", True, False)
    assert [image["digest"] for image in report["images"]] == [
        str(first.descriptor.digest),
        str(second.descriptor.digest),
    ]
    assert report["images"][0]["signatures"][0]["status"] == "accepted"


def test_one_missing_image_means_that_nothing_is_signed(world: World) -> None:
    one, _ = pushed(world, "v1")
    missing = one.replace(":v1", ":absent")
    assert_nothing_signed(world, world.sign("--images-to-sign", f"{one},{missing}"), 5, missing, "does not hold it")


def test_tag_that_names_another_digest_than_the_one_given_is_not_signed(world: World) -> None:
    (one, _), (_, other) = pushed(world, "v1"), pushed(world, "v2")
    reference = f"{one}@{other.descriptor.digest}"
    assert_nothing_signed(world, world.sign("--images-to-sign", reference), 5, "its tag does not name this digest")


def test_bare_digest_is_refused_for_a_signer_of_tags(world: World) -> None:
    one, image = pushed(world, "v1")
    reference = f"{one.rpartition(':')[0]}@{image.descriptor.digest}"
    assert_nothing_signed(world, world.sign("--images-to-sign", reference), 2, "has no tag", "host/image:tag@digest")


@pytest.mark.parametrize("text", ["app", "registry.example/app", "https://registry.example/app:v1", "a b:v1", ""])
def test_bad_reference_is_refused_beside_every_other_problem(world: World, text: str) -> None:
    done = world.sign("--images-to-sign", text, "--repo", "other/repo")
    assert_nothing_signed(world, done, 2, "--images-to-sign", "--repo")


def test_no_image_is_refused(world: World) -> None:
    assert_nothing_signed(world, world.sign(), 2, "--images-to-sign: no image is named")


def test_nobody_to_sign_is_refused(world: World) -> None:
    one, _ = pushed(world, "v1")
    world.config["sign-config"]["enabled-signers"] = {"other/repo": ["local"]}
    assert_nothing_signed(
        world, world.sign("--images-to-sign", one), 2, "no signer would sign", "not enabled for acme/demo"
    )


def test_presubmit_signs_nothing_outside_the_development_registry(world: World) -> None:
    one, _ = pushed(world, "v1")
    world.presubmit()
    world.config["sign-config"]["signers"][0]["job-type"] = ["presubmit", "postsubmit"]
    done = world.sign("--images-to-sign", one)
    assert_nothing_signed(world, done, 2, one, "signs only images below dev-registry")


def test_presubmit_signs_below_the_development_registry_when_a_signer_names_it(world: World) -> None:
    host = world.registry.host_port
    push_image(host, "dev/app", "PR-7")
    world.presubmit()
    world.config["sign-config"]["signers"][0]["job-type"] = ["presubmit"]
    done = world.sign("--images-to-sign", f"{host}/dev/app:PR-7")
    assert done.code == 0, done.err
    assert {image.tag for image in world.signing.received} == {"PR-7"}


def test_flag_of_a_build_is_refused(world: World) -> None:
    one, _ = pushed(world, "v1")
    done = world.sign("--sign-only", "--images-to-sign", one, "--tag", "v2", program="image-builder")
    assert_nothing_signed(world, done, 2, "--tag", "no meaning")
    assert_nothing_signed(world, world.sign("--images-to-sign", one, "--tag", "v2"), 2, "--tag: unknown flag")


def test_dry_run_prints_the_request_and_sends_nothing(world: World) -> None:
    done = world.sign("--images-to-sign", "registry.invalid/prod/app:v1", "--dry-run", "--output", "json")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert shown["images"] == ["registry.invalid/prod/app:v1"]
    assert shown["signers"][0]["chosen"] is True
    assert "POST https://" in shown["signers"][0]["request"]
    assert world.signing.requests == ()


def test_broken_secret_is_found_before_anything_is_asked(world: World) -> None:
    world.secret.write_text("no secret")
    done = world.sign("--images-to-sign", "registry.invalid/prod/app:v1")
    assert_nothing_signed(world, done, 2, str(world.secret))
    assert "no secret" not in done.err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(
            answer("401 Unauthorized", 'WWW-Authenticate: Bearer realm="http://10.1.2.3/token",service="r"'),
            ["token service must not be used", "not https"],
            id="realm-on-a-private-address",
        ),
        pytest.param(
            answer("401 Unauthorized", 'WWW-Authenticate: Bearer realm="https://10.1.2.3/token",service="r"'),
            ["token service must not be used", "a private network"],
            id="secure-realm-on-a-private-address",
        ),
        pytest.param(
            answer("302 Found", "Location: https://169.254.169.254/latest"), ["a private network"], id="redirect-inward"
        ),
        pytest.param(
            answer(
                "200 OK",
                "Content-Type: application/vnd.oci.image.manifest.v1+json",
                f"Docker-Content-Digest: sha256:{'0' * 64}",
                body=b"{}",
            ),
            ["cannot be trusted", "its content has sha256:"],
            id="another-digest",
        ),
        pytest.param(
            answer("200 OK", "Content-Type: text/html", body=b"<html>Sign in</html>"), ["text/html"], id="a-page"
        ),
    ],
)
def test_a_registry_that_must_not_be_believed_is_5(world: World, reply: bytes, words: list[str]) -> None:
    with raw_server(says(reply)) as registry:
        done = world.sign("--images-to-sign", f"{registry.host}/prod/app:v1")
        assert_nothing_signed(world, done, 5, registry.host, *words)
        assert len(registry.requests) == 1


@pytest.mark.parametrize(
    ("script", "word"),
    [
        pytest.param("echo helper-secret-1; echo helper-secret-1 >&2; exit 3", "failed with exit code 3", id="fails"),
        pytest.param("echo '<html>helper-secret-1</html>'", "did not print a JSON object", id="rubbish"),
        pytest.param("exec sleep 600", "was stopped", id="hangs"),
    ],
)
def test_a_broken_helper_ends_the_run_and_shows_nothing(world: World, script: str, word: str) -> None:
    programs, docker = world.folder / "bin", world.folder / "docker"
    programs.mkdir()
    docker.mkdir()
    helper = programs / "docker-credential-broken"
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    helper.chmod(0o755)
    world.path = f"{programs}:{world.path}"
    world.environment["DOCKER_CONFIG"] = str(docker)
    challenge = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="r"')
    with raw_server(says(challenge)) as registry:
        (docker / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "broken"}}))
        limit = ["--timeout", "10s"] if "sleep" in script else []
        done = world.sign("--images-to-sign", f"{registry.host}/prod/app:v1", "--debug", *limit)
    assert_nothing_signed(world, done, 7 if limit else 5, f"docker-credential-broken {word}")
    assert "helper-secret-1" not in done.out + done.err + json.dumps(done.report)
