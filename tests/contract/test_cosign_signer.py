"""What the cosign signer does with the real program and a real registry, beyond what every signer keeps."""

import base64
import errno
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.signer import CosignSigner
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


def test_an_index_is_signed_by_its_own_digest_only(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    (index,) = image(registry, "index", "v1", platforms=platforms)
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), index)
    assert (result.status, result.attempts, result.reason) == (SIGNED, 1, "")
    assert signed_subjects(registry.host_port, "dev/index", index.descriptor.digest) == [index.descriptor]
    tags = (registry.folder / "data/docker/registry/v2/repositories/dev/index/_manifests/tags").iterdir()
    assert sorted(tag.name for tag in tags) == sorted(["v1", f"sha256-{index.descriptor.digest.hexadecimal}"])


def test_the_signature_names_the_digest(registry: RunningRegistry, settings: CosignSettings, tmp_path: Path) -> None:
    (one,) = image(registry, "said", "v1")
    sign(CosignSigner("c", settings, environment(tmp_path)), one)
    said = statement(registry.host_port, "dev/said", one.descriptor.digest)
    assert said["subject"][0]["digest"] == {"sha256": one.descriptor.digest.hexadecimal}


def test_tags_of_one_digest_are_signed_once_and_have_a_result_each(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    images = image(registry, "tags", "v1", "latest", "v1.2")
    results = sign(CosignSigner("c", settings, environment(tmp_path)), *images)
    assert [(one.reference, one.status) for one in results] == [(one.reference, SIGNED) for one in images]
    assert len(signed_subjects(registry.host_port, "dev/tags", images[0].descriptor.digest)) == 1


def test_parallel_signers_lose_no_signature(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (one,) = image(registry, "busy", "v1")
    signers = [CosignSigner(f"c{number}", settings, environment(tmp_path)) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda signer: sign(signer, one), signers))
    assert [result.status for (result,) in results] == [SIGNED] * 4
    assert signed_subjects(registry.host_port, "dev/busy", one.descriptor.digest) == [one.descriptor] * 4


def test_a_signature_without_a_log_has_a_note(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), *image(registry, "log", "v1"))
    assert result.note == "not in a transparency log"


def test_a_missing_image_is_a_permanent_failure(
    registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (one,) = image(registry, "gone", "v1")
    missing = replace(
        one, descriptor=replace(one.descriptor, digest=replace(one.descriptor.digest, text="sha256:" + "0" * 64))
    )
    (result,) = sign(CosignSigner("c", settings, environment(tmp_path)), missing)
    assert (result.status, result.attempts, result.transient) == (FAILED, 1, False)
    assert "404" in result.reason


def test_an_unreachable_registry_is_retried_three_times(settings: CosignSettings, tmp_path: Path) -> None:
    reference = ImageReference.parse("127.0.0.1:9/dev/none:v1").unwrap()
    cancellation = ManualCancellation()
    signer = CosignSigner("c", settings, environment(tmp_path))
    (result,) = signer.sign((replace(IMAGES[0], reference=reference),), cancellation)
    assert (result.status, result.attempts, result.transient) == (FAILED, 3, True)
    assert len(cancellation.waits) == 2


# --- the registry's credentials -------------------------------------------------------------------------------------


@pytest.fixture
def private_registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    with start_private_registry(tmp_path / "registry") as running:
        yield running


def own_image(registry: RunningRegistry) -> ImageToSign:
    (one,) = image(registry, "own", "v1", authorization=f"Basic {BASIC}")
    return one


def write_json(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def test_a_private_registry_without_credentials_is_a_permanent_failure(
    private_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    (refused,) = sign(CosignSigner("c", settings, environment(tmp_path)), own_image(private_registry))
    assert (refused.status, refused.transient) == (FAILED, False)


@pytest.mark.parametrize("key", ["{host}", "https://{host}/v2/", "{host}/dev", "{host}/dev/own"])
def test_credentials_are_found_under_every_form_of_key(
    key: str, private_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    """Cosign itself knows no key of a namespace."""
    auths = {key.format(host=private_registry.host_port): {"auth": BASIC}}
    write_json(tmp_path / ".docker/config.json", {"auths": auths})
    one = own_image(private_registry)
    (signed,) = sign(CosignSigner("c", settings, environment(tmp_path)), one)
    assert (signed.status, signed.reason) == (SIGNED, "")
    verifier = CosignVerifier("c", settings, environment(tmp_path), Redactor())
    pinned = one.reference.pinned(one.descriptor.digest)
    assert verifier.verify(pinned, ManualCancellation()) == Success(None)


def test_credentials_are_found_in_a_later_file_and_by_a_helper(
    private_registry: RunningRegistry, settings: CosignSettings, tmp_path: Path
) -> None:
    """Cosign itself reads the first file alone, and its helpers see no more of the job than it does."""
    write_json(tmp_path / "docker/config.json", {"auths": {"other.example": {"auth": BASIC}}})
    write_json(tmp_path / "xdg/containers/auth.json", {"credHelpers": {private_registry.host_port: "demo"}})
    answer = json.dumps({"Username": USER, "Secret": REGISTRY_PASSWORD})
    helper = tmp_path / "docker-credential-demo"
    helper.write_text(f"#!/bin/sh\ntest -n \"$CLOUD_REGION\" && echo '{answer}'\n")
    helper.chmod(0o755)
    job = {
        **environment(tmp_path, DOCKER_CONFIG=str(tmp_path / "docker"), XDG_CONFIG_HOME=str(tmp_path / "xdg")),
        "CLOUD_REGION": "here",
    }
    job["PATH"] = f"{tmp_path}:{job['PATH']}"
    (signed,) = sign(CosignSigner("c", settings, job), own_image(private_registry))
    assert (signed.status, signed.reason) == (SIGNED, "")


def test_the_program_gets_only_the_credentials_of_the_image_and_never_on_disk(
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


def test_a_missing_helper_fails_the_signature_with_its_name(tmp_path: Path) -> None:
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


def test_verification_without_a_public_key_or_program_is_refused_in_advance(tmp_path: Path) -> None:
    settings = CosignSettings(key="/none", public_key=str(tmp_path / "absent.pub"), transparency_log=False)
    unfit = CosignVerifier("c", settings, environment(tmp_path), Redactor()).prepare().failure()
    assert str(tmp_path / "absent.pub") in str(unfit)
    gone = CosignVerifier("c", settings, {"PATH": str(tmp_path)}, Redactor()).prepare().failure()
    assert "program not found" in str(gone)


# --- before the build -------------------------------------------------------------------------------------------------


def problem(settings: CosignSettings, environment: Mapping[str, str]) -> str:
    return str(CosignSigner("c", settings, environment).prepare().failure())


def test_prepare_accepts_a_valid_pair(settings: CosignSettings, tmp_path: Path) -> None:
    assert is_successful(CosignSigner("c", settings, environment(tmp_path)).prepare())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PATH", "/nowhere", "cosign: program not found on PATH, which is /nowhere; install cosign 3"),
        ("COSIGN_PASSWORD", None, "COSIGN_PASSWORD is not set"),
        ("COSIGN_PASSWORD", "not-this-one", "cannot be used with the password in COSIGN_PASSWORD"),
    ],
)
def test_prepare_refuses_a_job_without_program_or_password(
    name: str, value: str | None, reason: str, settings: CosignSettings, tmp_path: Path
) -> None:
    job = {**environment(tmp_path), name: value}
    found = problem(settings, {key: text for key, text in job.items() if text is not None})
    assert reason in found
    assert "not-this-one" not in found


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        *(
            ({"key": key, "public_key": None}, "is neither a file nor a key of awskms://")
            for key in ("env://COSIGN_KEY", "k8s://ns/name", "gitlab://project", "nonsense://x")
        ),
        ({"signing_config": "/none"}, "/none: does not exist"),
        ({"trusted_root": "/none"}, "/none: does not exist"),
        ({"key": None, "public_key": None, "identity_token_file": "/token"}, "transparency-log: a keyless"),
    ],
)
def test_prepare_refuses_settings(
    changed: dict[str, Any], reason: str, settings: CosignSettings, tmp_path: Path
) -> None:
    assert reason in problem(replace(settings, **changed), environment(tmp_path))


def test_prepare_refuses_keys_of_two_pairs(settings: CosignSettings, tmp_path: Path) -> None:
    other = replace(settings, public_key=key_pair(tmp_path).public)
    assert "does not belong to public-key" in problem(other, environment(tmp_path))


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
def test_prepare_refuses_an_invalid_key_file(
    key: str, content: str | None, reason: str, settings: CosignSettings, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    if content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_text(content)
        path.chmod(0o600)
    changed: dict[str, Any] = {key: str(path)}
    found = problem(replace(settings, **changed), environment(tmp_path))
    assert str(path) in found
    assert reason in found
    assert "hunter2hunter2" not in found


def test_prepare_sends_nothing_to_a_key_service(tmp_path: Path) -> None:
    job = environment(tmp_path, VAULT_ADDR="http://127.0.0.1:9", VAULT_TOKEN="hunter2hunter2")
    assert is_successful(CosignSigner("c", CosignSettings(key="hashivault://name"), job).prepare())


def test_an_unreachable_key_service_fails_every_image_without_showing_its_token(
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
def test_prepare_refuses_an_invalid_identity_token(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    found = problem(replace(KEYLESS, identity_token_file=str(path)), environment(tmp_path))
    assert str(path) in found
    assert reason in found
    assert "hunter2" not in found


def test_prepare_refuses_a_log_in_the_signing_config_without_transparency_log(
    settings: CosignSettings, tmp_path: Path
) -> None:
    config = tmp_path / "signing-config.json"
    config.write_text('{"rekorTlogUrls": [{"url": "https://log.example"}]}')
    found = problem(replace(settings, signing_config=str(config)), environment(tmp_path))
    assert "names a transparency log, but transparency-log is false" in found


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_prepare_reports_a_folder_that_cannot_be_written(
    number: int, settings: CosignSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers often have a read-only root file system."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.setattr(*((tempfile, "mkdtemp") if number == errno.EROFS else (os, "symlink")), lambda *_, **__: fail())
    found = problem(settings, environment(tmp_path))
    assert f"cannot make a folder for its files: {os.strerror(number)}; set TMPDIR" in found
    assert list(made.iterdir()) == []


def test_the_files_of_a_private_sigstore_are_used(
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


def test_a_verification_of_another_digest_is_a_failure(tmp_path: Path) -> None:
    result = pretend(tmp_path, f"echo '{VERIFIED % ('sha256:' + '0' * 64)}'")
    assert (result.status, result.transient) == (FAILED, False)
    assert "did not name sha256:" in result.reason


def test_an_exit_without_output_is_a_failure(tmp_path: Path) -> None:
    assert pretend(tmp_path, "exit 0").status is FAILED


def test_a_digest_in_an_error_is_a_failure(tmp_path: Path) -> None:
    digest = IMAGES[0].descriptor.digest
    assert pretend(tmp_path, f"echo '{VERIFIED % digest}'; test $1 = sign").status is FAILED
    assert pretend(tmp_path, f"echo 'cannot find {digest}'").status is FAILED


def test_a_lost_signature_is_made_again(tmp_path: Path) -> None:
    script = f"""
    test $1 = sign && exit 0
    test -e {tmp_path}/second || {{ touch {tmp_path}/second; echo 'Error: no signatures found'; exit 10; }}
    echo '{VERIFIED % IMAGES[0].descriptor.digest}'"""
    result = pretend(tmp_path, script)
    assert (result.status, result.attempts) == (SIGNED, 2)


def test_error_text_of_the_program_is_made_harmless(tmp_path: Path) -> None:
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


def test_the_program_gets_no_other_secret_and_none_in_its_arguments(tmp_path: Path) -> None:
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
