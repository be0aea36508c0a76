"""Signers of every type at work in the real commands: cosign, a token service, and a package of somebody else."""

import json
from pathlib import Path
from typing import Any

import pytest
from image_builder_domain.image.reference import Digest
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.__main__ import signify_secret
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.clean_environment import make_environment
from tests.cosign import PASSWORD, key_pair, signed_subjects
from tests.e2e.world import World
from tests.oci_registry import push_image
from tests.programs import require

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "examples" / "journal-signer"
KEY = "a-key-for-journals-alone"


def add(world: World, name: str, kind: str, config: dict[str, Any], *, alone: bool = True) -> None:
    signing = world.config["sign-config"]
    signers = [] if alone else signing["signers"]
    signing["signers"] = [*signers, {"name": name, "type": kind, "config": config}]
    signing["enabled-signers"] = {"*": [signer["name"] for signer in signing["signers"]]}


def add_cosign(world: World, *, alone: bool = True) -> None:
    keys = world.folder / "keys"
    keys.mkdir()
    pair = key_pair(keys)
    world.environment["COSIGN_PASSWORD"] = PASSWORD
    add(
        world,
        "sigstore",
        "cosign",
        {"key": pair.private, "public-key": pair.public, "transparency-log": False},
        alone=alone,
    )


def test_a_build_is_signed_by_notary_and_cosign_side_by_side(world: World) -> None:
    add_cosign(world, alone=False)
    done = world.run("--tag", "latest")
    assert done.code == 0, done.err
    (image,) = done.report["images"]
    hosts = (world.registry.host_port, world.mirror.host_port)
    for host in hosts:
        (subject,) = signed_subjects(host, "prod/app", Digest(image["digest"]))
        assert (subject.digest.text, subject.size) == (image["digest"], image["size"])
    signatures = sorted((one["signer"], one["status"], one["note"]) for one in image["signatures"])
    assert signatures == [("local", "accepted", "")] * 4 + [("sigstore", "signed", "not in a transparency log")] * 4
    assert "by sigstore (not in a transparency log)" in done.err
    assert PASSWORD not in done.out + done.err + json.dumps(done.report) + done.log()


def test_an_index_that_exists_is_signed_by_cosign_with_a_bare_digest(world: World) -> None:
    add_cosign(world)
    host = world.registry.host_port
    index = push_image(host, "prod/app", "v1", platforms=("linux/amd64", "linux/arm64")).descriptor
    done = world.sign("--images-to-sign", f"{host}/prod/app@{index.digest}")
    assert done.code == 0, done.err
    assert signed_subjects(host, "prod/app", index.digest) == [index]


def test_a_missing_cosign_is_found_before_the_build(world: World) -> None:
    add_cosign(world)
    programs = world.folder / "bin"
    programs.mkdir()
    for program in ("buildctl", "buildkitd", "runc"):
        (programs / program).symlink_to(require(program))
    world.path = str(programs)
    done = world.run()
    assert done.code == 2, done.err
    assert "cosign: program not found on PATH" in done.err
    assert not list(world.artifacts.glob("build_*"))


def test_a_wrong_password_is_found_before_the_build(world: World) -> None:
    add_cosign(world)
    world.environment["COSIGN_PASSWORD"] = "not-the-password"
    done = world.run()
    assert done.code == 2, done.err
    assert "cannot be used with the password in COSIGN_PASSWORD" in done.err
    assert "not-the-password" not in done.err
    assert not list(world.artifacts.glob("build_*"))


def test_one_failing_signer_does_not_stop_the_other(world: World) -> None:
    host = world.registry.host_port
    image = push_image(host, "prod/app", "v1").descriptor
    add(world, "down", "notary", {"endpoint": "http://127.0.0.1:9/sign", "retry-timeout": "1ms"})
    add_cosign(world, alone=False)
    done = world.sign("--images-to-sign", f"{host}/prod/app:v1")
    assert done.code == 5, done.err
    statuses = {one["signer"]: one["status"] for one in done.report["images"][0]["signatures"]}
    assert statuses == {"down": "failed", "sigstore": "signed"}
    assert signed_subjects(host, "prod/app", image.digest) == [image]


def test_a_token_service_lends_its_token_and_nothing_of_it_is_shown(world: World) -> None:
    payload = '{"client_secret": "payload-password"}'
    host = world.registry.host_port
    push_image(host, "prod/app", "v1")
    with SigningService.start(ServiceOptions(token="bearer-of-the-day", payload=payload)) as service:
        secret = world.folder / "signify.yaml"
        secret.write_bytes(signify_secret(service.token_url, payload))
        secret.chmod(0o600)
        add(world, "n", "notary", {"endpoint": service.url, "secret": {"path": str(secret), "type": "signify"}})
        done = world.sign("--images-to-sign", f"{host}/prod/app:v1")
        assert done.code == 0, done.err
        assert [image.tag for image in service.received] == ["v1"]
    shown = done.out + done.err + json.dumps(done.report)
    assert not any(word in shown for word in ("payload-password", "bearer-of-the-day"))


def test_a_secret_that_others_can_read_is_warned_of_as_everything_is_reported(world: World) -> None:
    host = world.registry.host_port
    push_image(host, "prod/app", "v1")
    world.secret.chmod(0o644)
    world.config["log-format"] = "json"
    done = world.sign("--images-to-sign", f"{host}/prod/app:v1", "--debug")
    assert done.code == 0, done.err
    said = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    warnings = [line["msg"] for line in said if line["level"] == "warning"]
    assert warnings == [f"{world.secret}: the secret can be read by others than its owner; make its mode 0600"]
    assert any(line["level"] == "debug" and line["msg"].startswith("POST https://") for line in said)


# --- a package of somebody else ---------------------------------------------------------------------------------------


@pytest.fixture
def journal(world: World, tmp_path: Path) -> Path:
    """The journal of a world into which the example was installed, as its users would."""
    world.python = make_environment(tmp_path / "clean", EXAMPLE)
    key = world.folder / "journal-key"
    key.write_text(f"{KEY}\n")
    found = world.folder / "journal"
    add(world, "book", "journal", {"journal": str(found), "key-file": str(key)})
    return found


def test_the_example_adds_a_signer_that_signs(world: World, journal: Path) -> None:
    host = world.registry.host_port
    image = push_image(host, "prod/app", "v1").descriptor
    done = world.sign("--images-to-sign", f"{host}/prod/app:v1")
    assert done.code == 0, done.err
    (line,) = map(json.loads, journal.read_text().splitlines())
    assert (line["digest"], line["size"]) == (str(image.digest), image.size)
    assert done.report["images"][0]["signatures"][0]["status"] == "signed"
    assert KEY not in done.out + done.err + json.dumps(done.report)


def test_the_examples_signer_is_in_the_plan(world: World, journal: Path) -> None:
    done = world.run("--dry-run")
    assert done.code == 0, done.err
    assert "signer    book signs: enabled by '*'" in done.out
    assert f"append 2 lines to {journal}" in done.out
    assert not journal.exists()


def test_the_examples_configuration_is_checked(world: World, journal: Path) -> None:
    add(world, "book", "journal", {"journall": str(journal)})
    done = world.run("--dry-run")
    assert done.code == 2
    assert "config.journall" in done.err
    assert "config.key-file is missing" in done.err


def test_the_examples_key_is_checked_before_the_build(world: World, journal: Path) -> None:
    (world.folder / "journal-key").write_text("short")
    done = world.run()
    assert done.code == 2, done.err
    assert "journal-key: is shorter than 16 characters" in done.err
    assert not journal.exists()
