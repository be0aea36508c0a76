"""What the cosign signer does with the real program and a real registry, beyond what every signer keeps."""

import base64
import errno
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.cosign.signer_type import CosignSettings
from image_builder_adapters.cosign.verifier import CosignVerifier
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import IMAGES
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from tests.cosign import PASSWORD, Keys, environment, key_pair, signed_subjects, statement
from tests.oci_registry import BASIC, USER, RunningRegistry, push_image, start_private_registry, start_registry
from tests.oci_registry import PASSWORD as REGISTRY_PASSWORD
from tests.programs import require

SIGNED, FAILED = SignatureStatus.SIGNED, SignatureStatus.FAILED


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with start_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return key_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def settings(keys: Keys) -> CosignSettings:
    return CosignSettings(key=keys.private, public_key=keys.public, transparency_log=False)


def image(
    registry: RunningRegistry, name: str, *tags: str, platforms: tuple[str, ...] = (), **more: str
) -> list[ImageToSign]:
    """One image under all its tags."""
    found = []
    for tag in tags:
        pushed = push_image(registry.host_port, f"dev/{name}", tag, platforms=platforms, **more)  # type: ignore[arg-type] # texts only
        reference = ImageReference.parse(f"{registry.host_port}/dev/{name}:{tag}").unwrap()
        found.append(ImageToSign(reference, pushed.descriptor, pushed.config))
    return found


def sign(signer: CosignSigner, *images: ImageToSign) -> tuple[SignatureResult, ...]:
    return signer.sign(images, ManualCancellation())


def test_an_index_is_signed_as_itself_and_its_children_are_not(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    (index,) = image(registry, "index", "v1", platforms=platforms)
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), index)
    assert (result.status, result.attempts, result.reason) == (SIGNED, 1, "")
    assert signed_subjects(registry.host_port, "dev/index", index.descriptor.digest) == [index.descriptor]
    tags = (registry.folder / "data/docker/registry/v2/repositories/dev/index/_manifests/tags").iterdir()
    assert sorted(tag.name for tag in tags) == sorted(["v1", f"sha256-{index.descriptor.digest.hexadecimal}"])


def test_the_signature_says_what_was_signed(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (one,) = image(registry, "said", "v1")
    sign(CosignSigner("c", settings, environment(tmp_path)), one)
    said = statement(registry.host_port, "dev/said", one.descriptor.digest)
    assert said["subject"][0]["digest"] == {"sha256": one.descriptor.digest.hexadecimal}


def test_tags_of_one_digest_are_signed_once_and_each_has_its_result(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    images = image(registry, "tags", "v1", "latest", "v1.2")
    results = sign(CosignSigner("c", settings, environment(tmp_path)), *images)
    assert [(one.reference, one.status) for one in results] == [(one.reference, SIGNED) for one in images]
    assert len(signed_subjects(registry.host_port, "dev/tags", images[0].descriptor.digest)) == 1


def test_signers_side_by_side_lose_no_signature(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (one,) = image(registry, "busy", "v1")
    signers = [CosignSigner(f"c{number}", settings, environment(tmp_path)) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda signer: sign(signer, one), signers))
    assert [result.status for (result,) in results] == [SIGNED] * 4
    assert signed_subjects(registry.host_port, "dev/busy", one.descriptor.digest) == [one.descriptor] * 4


def test_a_signature_without_a_log_says_so(registry: RunningRegistry, settings: CosignSettings, tmp_path: Path) -> None:
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), *image(registry, "log", "v1"))
    assert result.note == "not in a transparency log"


def test_a_missing_image_is_final(registry: RunningRegistry, settings: CosignSettings, tmp_path: Path) -> None:
    (one,) = image(registry, "gone", "v1")
    missing = replace(
        one, descriptor=replace(one.descriptor, digest=replace(one.descriptor.digest, text="sha256:" + "0" * 64))
    )
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), missing)
    assert (result.status, result.attempts, result.transient) == (FAILED, 1, False)
    assert "404" in result.reason


def test_a_registry_that_is_down_is_asked_again_and_then_given_up(settings: CosignSettings, tmp_path: Path) -> None:
    reference = ImageReference.parse("127.0.0.1:9/dev/none:v1").unwrap()
    cancellation = ManualCancellation()
    signer = CosignSigner("c", settings, environment(tmp_path))
    (result,) = signer.sign((replace(IMAGES[0], reference=reference),), cancellation)
    assert (result.status, result.attempts, result.transient) == (FAILED, 3, True)
    assert len(cancellation.waits) == 2


# --- the registry's credentials -------------------------------------------------------------------------------------


@pytest.fixture
def closed_registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    with start_private_registry(tmp_path / "registry") as running:
        yield running


def own_image(registry: RunningRegistry) -> ImageToSign:
    (one,) = image(registry, "own", "v1", authorization=f"Basic {BASIC}")
    return one


def write_json(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def test_without_credentials_a_closed_registry_is_a_final_failure(
    closed_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (refused,) = sign(CosignSigner("c", settings, environment(tmp_path)), own_image(closed_registry))
    assert (refused.status, refused.transient) == (FAILED, False)


@pytest.mark.parametrize("key", ["{host}", "https://{host}/v2/", "{host}/dev", "{host}/dev/own"])
def test_credentials_are_found_under_every_key_that_the_tool_knows(
    key: str, closed_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    """Cosign itself knows no key of a namespace."""
    auths = {key.format(host=closed_registry.host_port): {"auth": BASIC}}
    write_json(tmp_path / ".docker/config.json", {"auths": auths})
    one = own_image(closed_registry)
    (signed,) = sign(CosignSigner("c", settings, environment(tmp_path)), one)
    assert (signed.status, signed.reason) == (SIGNED, "")
    verifier = CosignVerifier("c", settings, environment(tmp_path), Redactor())
    pinned = one.reference.pinned(one.descriptor.digest)
    assert verifier.verify(pinned, ManualCancellation()) == Success(None)


def test_credentials_are_found_in_a_later_file_and_by_a_helper(
    closed_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    """Cosign itself reads the first file alone, and its helpers see no more of the job than it does."""
    write_json(tmp_path / "docker/config.json", {"auths": {"other.example": {"auth": BASIC}}})
    write_json(tmp_path / "xdg/containers/auth.json", {"credHelpers": {closed_registry.host_port: "demo"}})
    answer = json.dumps({"Username": USER, "Secret": REGISTRY_PASSWORD})
    helper = tmp_path / "docker-credential-demo"
    helper.write_text(f"#!/bin/sh\ntest -n \"$CLOUD_REGION\" && echo '{answer}'\n")
    helper.chmod(0o755)
    job = {
        **environment(tmp_path, DOCKER_CONFIG=str(tmp_path / "docker"), XDG_CONFIG_HOME=str(tmp_path / "xdg")),
        "CLOUD_REGION": "here",
    }
    job["PATH"] = f"{tmp_path}:{job['PATH']}"
    (signed,) = sign(CosignSigner("c", settings, job), own_image(closed_registry))
    assert (signed.status, signed.reason) == (SIGNED, "")


def test_the_program_gets_the_credentials_of_the_image_alone_and_not_on_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    secret = base64.b64encode(b"me:registry-password").decode()
    entries = {"reg.example/prod": {"auth": secret}, "other.example": {"auth": BASIC}}
    write_json(tmp_path / ".docker/config.json", {"auths": entries})
    script = f"""
    cat "$DOCKER_CONFIG/config.json" > {tmp_path}/got
    cat "$DOCKER_CONFIG/config.json" > {tmp_path}/got-again
    find {made} -type f > {tmp_path}/files
    echo "Error: me:registry-password"; exit 1"""
    redactor = Redactor()
    reference = ImageReference.parse("reg.example/prod/demo:v1").unwrap()
    signer = CosignSigner("c", KMS, pretender(tmp_path, script), redactor)
    (failed,) = signer.sign((replace(IMAGES[0], reference=reference),), ManualCancellation())
    assert json.loads((tmp_path / "got").read_text()) == {"auths": {"reg.example": {"auth": secret}}}
    assert (tmp_path / "got-again").read_text() == (tmp_path / "got").read_text()
    assert (tmp_path / "files").read_text() == ""
    assert list(made.iterdir()) == []
    assert "registry-password" not in repr(failed)


def test_a_helper_that_fails_fails_the_signature_and_says_so(tmp_path: Path) -> None:
    write_json(tmp_path / ".docker/config.json", {"credHelpers": {"reg.example": "absent"}})
    signer = CosignSigner("c", KMS, pretender(tmp_path, "exit 0"))
    reference = ImageReference.parse("reg.example/prod/demo:v1").unwrap()
    (failed,) = signer.sign((replace(IMAGES[0], reference=reference),), ManualCancellation())
    assert failed.status is FAILED
    assert "docker-credential-absent is not on PATH" in failed.reason


def test_a_signature_is_verified_without_the_private_key(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (one,) = image(registry, "checked", "v1")
    others = CosignSettings(key="/none", public_key=key_pair(tmp_path).public, transparency_log=False)
    job = {name: value for name, value in environment(tmp_path).items() if name != "COSIGN_PASSWORD"}
    pinned = one.reference.pinned(one.descriptor.digest)

    def verify(with_settings: CosignSettings) -> Result[None, str]:
        verifier = CosignVerifier("c", with_settings, job, Redactor())
        assert verifier.prepare() == Success(None)
        return verifier.verify(pinned, ManualCancellation())

    assert "no signatures found" in verify(replace(settings, key="/none")).failure()
    sign(CosignSigner("c", settings, environment(tmp_path)), one)
    assert verify(replace(settings, key="/none")) == Success(None)
    assert isinstance(verify(others), Failure)


def test_verifying_without_the_public_key_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    settings = CosignSettings(key="/none", public_key=str(tmp_path / "absent.pub"), transparency_log=False)
    unfit = CosignVerifier("c", settings, environment(tmp_path), Redactor()).prepare().failure()
    assert str(tmp_path / "absent.pub") in str(unfit)
    gone = CosignVerifier("c", settings, {"PATH": str(tmp_path)}, Redactor()).prepare().failure()
    assert "program not found" in str(gone)


# --- before the build -------------------------------------------------------------------------------------------------


def _with(settings: CosignSettings, name: str, value: str) -> CosignSettings:
    changed: dict[str, Any] = {name: value}
    return replace(settings, **changed)


def problem(settings: CosignSettings, environment: dict[str, str]) -> str:
    return str(CosignSigner("c", settings, environment).prepare().failure())


def test_prepare_finds_nothing_wrong_with_a_good_pair(settings: CosignSettings, tmp_path: Path) -> None:
    assert is_successful(CosignSigner("c", settings, environment(tmp_path)).prepare())


def test_prepare_misses_the_program(settings: CosignSettings, tmp_path: Path) -> None:
    found = problem(settings, {"PATH": str(tmp_path), "COSIGN_PASSWORD": PASSWORD})
    assert f"cosign: program not found on PATH, which is {tmp_path}; install cosign 3" in found


def test_prepare_wants_the_password(settings: CosignSettings, tmp_path: Path) -> None:
    job = {name: value for name, value in environment(tmp_path).items() if name != "COSIGN_PASSWORD"}
    assert "COSIGN_PASSWORD is not set" in problem(settings, job)


def test_prepare_finds_a_wrong_password_and_does_not_show_it(settings: CosignSettings, tmp_path: Path) -> None:
    found = problem(settings, dict(environment(tmp_path, COSIGN_PASSWORD="not-this-one")))
    assert "cannot be used with the password in COSIGN_PASSWORD" in found
    assert "not-this-one" not in found


def test_prepare_finds_halves_of_two_pairs(settings: CosignSettings, tmp_path: Path) -> None:
    other = replace(settings, public_key=key_pair(tmp_path).public)
    assert "does not belong to public-key" in problem(other, dict(environment(tmp_path)))


@pytest.mark.parametrize("key", ["key", "public_key"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "does not exist", id="missing"),
        pytest.param("", "", id="empty"),
        pytest.param("hunter2hunter2", "", id="rubbish"),
        pytest.param("directory", "", id="directory"),
    ],
)
def test_prepare_finds_a_broken_key(
    key: str, content: str | None, reason: str, settings: CosignSettings, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    if content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_text(content)
        path.chmod(0o600)
    found = problem(_with(settings, key, str(path)), dict(environment(tmp_path)))
    assert str(path) in found
    assert reason in found
    assert "hunter2hunter2" not in found


@pytest.mark.parametrize("reference", ["env://COSIGN_KEY", "k8s://ns/name", "gitlab://project", "nonsense://x"])
def test_prepare_refuses_keys_that_are_neither_files_nor_in_a_key_service(reference: str, tmp_path: Path) -> None:
    assert "is neither a file nor a key of awskms://" in problem(
        CosignSettings(key=reference), dict(environment(tmp_path))
    )


def test_prepare_asks_no_key_service(tmp_path: Path) -> None:
    job = environment(tmp_path, VAULT_ADDR="http://127.0.0.1:9", VAULT_TOKEN="hunter2hunter2")
    assert is_successful(CosignSigner("c", CosignSettings(key="hashivault://name"), job).prepare())


def test_a_key_service_that_is_down_fails_every_image_without_its_token(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    job = environment(tmp_path, VAULT_ADDR="http://127.0.0.1:9", VAULT_TOKEN="hunter2hunter2")
    signer = CosignSigner("c", CosignSettings(key="hashivault://name", transparency_log=False), job)
    results = signer.sign(tuple(image(registry, "vault", "v1", "v2")), ManualCancellation(deadline_seconds=1))
    assert [one.status for one in results] == [FAILED] * 2
    assert "hunter2hunter2" not in repr(results)


KEYLESS = CosignSettings(certificate_identity="me@example.com", certificate_oidc_issuer="https://issuer.example")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "does not exist", id="missing"),
        pytest.param(b" \n", "is empty", id="blank"),
        pytest.param(b"hunter2\nhunter2", "line break", id="two-lines"),
    ],
)
def test_prepare_finds_a_broken_identity_token(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    found = problem(replace(KEYLESS, identity_token_file=str(path)), dict(environment(tmp_path)))
    assert str(path) in found
    assert reason in found
    assert "hunter2" not in found


def test_prepare_refuses_keyless_signing_without_a_log(tmp_path: Path) -> None:
    settings = replace(KEYLESS, identity_token_file="/token", transparency_log=False)
    assert "transparency-log" in problem(settings, dict(environment(tmp_path)))


def test_prepare_refuses_a_log_where_none_is_wanted(settings: CosignSettings, tmp_path: Path) -> None:
    config = tmp_path / "signing-config.json"
    config.write_text('{"rekorTlogUrls": [{"url": "https://log.example"}]}')
    found = problem(replace(settings, signing_config=str(config)), dict(environment(tmp_path)))
    assert "names a transparency log, but transparency-log is false" in found


@pytest.mark.parametrize("key", ["signing_config", "trusted_root"])
def test_prepare_finds_broken_files_of_a_private_sigstore(key: str, settings: CosignSettings, tmp_path: Path) -> None:
    assert "does not exist" in problem(_with(settings, key, "/none"), dict(environment(tmp_path)))


def test_prepare_says_when_there_is_no_place_for_files(
    settings: CosignSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers often have a root file system that nobody may write to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    told = problem(settings, dict(environment(tmp_path)))
    assert "cannot make a folder for its files: No such file or directory; set TMPDIR" in told


def test_prepare_says_when_the_place_for_files_is_full(
    settings: CosignSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.setattr(os, "symlink", full)
    told = problem(settings, dict(environment(tmp_path)))
    assert "cannot make a folder for its files: No space left on device; set TMPDIR" in told
    assert list(made.iterdir()) == []


def test_own_files_of_a_private_sigstore_are_used(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    config, root = tmp_path / "config.json", tmp_path / "root.json"
    for kind, path in (("signing-config", config), ("trusted-root", root)):
        command = [require("cosign"), kind, "create", "--out", str(path)]
        subprocess.run(
            command, check=True, capture_output=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        )
    own = replace(settings, signing_config=str(config), trusted_root=str(root))
    (result,) = sign(CosignSigner("c", own, environment(tmp_path)), *image(registry, "own", "v1"))
    assert result.status is SIGNED


# --- programs that misbehave ------------------------------------------------------------------------------------------


def pretender(folder: Path, script: str) -> dict[str, str]:
    """An environment in which ``cosign`` is this shell script; it gets by without a key file."""
    program = folder / "cosign"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}


KMS = CosignSettings(key="awskms:///alias/x", public_key=None)
VERIFIED = '[{"critical":{"image":{"docker-manifest-digest":"%s"}}}]'


def pretend(folder: Path, script: str, cancellation: Cancellation | None = None) -> SignatureResult:
    signer = CosignSigner("c", KMS, pretender(folder, script))
    (result,) = signer.sign((IMAGES[0],), cancellation or ManualCancellation())
    return result


def test_a_verification_of_another_digest_is_no_success(tmp_path: Path) -> None:
    result = pretend(tmp_path, f"echo '{VERIFIED % ('sha256:' + '0' * 64)}'")
    assert (result.status, result.transient) == (FAILED, False)
    assert "did not name sha256:" in result.reason


def test_a_success_without_output_is_no_success(tmp_path: Path) -> None:
    assert pretend(tmp_path, "exit 0").status is FAILED


def test_a_digest_in_an_error_is_no_success(tmp_path: Path) -> None:
    digest = IMAGES[0].descriptor.digest
    assert pretend(tmp_path, f"echo '{VERIFIED % digest}'; test $1 = sign").status is FAILED
    assert pretend(tmp_path, f"echo 'cannot find {digest}'").status is FAILED


def test_a_signature_that_got_lost_is_made_again(tmp_path: Path) -> None:
    script = f"""
    test $1 = sign && exit 0
    test -e {tmp_path}/second || {{ touch {tmp_path}/second; echo 'Error: no signatures found'; exit 10; }}
    echo '{VERIFIED % IMAGES[0].descriptor.digest}'"""
    result = pretend(tmp_path, script)
    assert (result.status, result.attempts) == (SIGNED, 2)


def test_what_the_program_says_is_made_harmless(tmp_path: Path) -> None:
    result = pretend(tmp_path, r"printf 'noise\nError: \033[31m##vso[task.complete]\n'; exit 1")
    assert "[31m## vso[task.complete]" in result.reason
    assert "\x1b" not in result.reason


def test_a_signal_stops_the_program(tmp_path: Path) -> None:
    cancellation, started = ScopedCancellation(), time.monotonic()
    threading.Timer(0.5, cancellation.stop, (Interruption.SIGTERM,)).start()
    result = pretend(tmp_path, "sleep 60", cancellation)
    assert time.monotonic() - started < 20
    assert (result.status, result.transient) == (FAILED, True)
    assert "stopped (sigterm)" in result.reason


def test_the_program_sees_no_other_secret_and_none_is_in_its_arguments(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("\ufeffhunter2.hunter2.hunter2\n")
    token.chmod(0o600)
    script = (
        f'echo "$@" >> {tmp_path}/arguments; env >> {tmp_path}/environment; test $1 = sign && cat "$5" > {tmp_path}/got'
    )
    job = pretender(tmp_path, script) | {
        "ADO_PAT": "other-secret",
        "COSIGN_PASSWORD": PASSWORD,
        "VAULT_TOKEN": "v-secret",
    }
    redactor = Redactor()
    signer = CosignSigner("c", replace(KEYLESS, identity_token_file=str(token)), job, redactor)
    signer.sign((IMAGES[0],), ManualCancellation())
    assert (tmp_path / "got").read_text() == "hunter2.hunter2.hunter2"
    assert "hunter2" not in (tmp_path / "arguments").read_text()
    seen = (tmp_path / "environment").read_text()
    assert not any(secret in seen for secret in ("other-secret", PASSWORD, "v-secret", "hunter2"))
    assert redactor.text("hunter2.hunter2.hunter2") == "***"
