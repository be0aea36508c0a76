"""Command lines and environment of cosign, and the meaning of its output, without running it."""

import os
from dataclasses import replace

import pytest
from image_builder_adapters.cosign.command import (
    Files,
    Subject,
    cosign_environment,
    files_of,
    secrets_of,
    sign_command,
    verify_command,
)
from image_builder_adapters.cosign.program import (
    LARGEST_REASON,
    CosignFailure,
    is_transient,
    names_digest,
    reason_of,
    run_cosign,
)
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import IMAGES
from image_builder_domain.image.reference import Digest, Repository

DIGEST = Digest("sha256:" + "a" * 64)
SUBJECT = Subject(Repository.parse("reg.example/prod/demo").unwrap(), DIGEST)
WITH_KEY = CosignSettings(key="/keys/cosign.key", public_key="/keys/cosign.pub")
KEYLESS = CosignSettings(
    identity_token_file="/run/token",
    certificate_identity="https://ci.example/job",
    certificate_oidc_issuer="https://issuer.example",
)


def test_with_a_key_the_public_services_are_left_to_cosign() -> None:
    target = f"reg.example/prod/demo@{DIGEST}"
    assert sign_command(WITH_KEY, files_of(WITH_KEY, "made", "made"), SUBJECT) == (
        *("cosign", "sign", "--yes", "--key", "/keys/cosign.key", target),
    )
    assert verify_command(WITH_KEY, Files(), SUBJECT) == (
        *("cosign", "verify", "--output", "json", "--key", "/keys/cosign.pub", target),
    )


def test_a_key_of_a_service_verifies_with_itself() -> None:
    settings = CosignSettings(key="awskms:///alias/x")
    assert verify_command(settings, Files(), SUBJECT)[4:6] == ("--key", "awskms:///alias/x")


def test_keyless_signing_uses_no_other_provider_and_verifies_identity_and_issuer() -> None:
    signing = sign_command(KEYLESS, files_of(KEYLESS, "made", "made"), SUBJECT)
    assert signing[3:6] == ("--oidc-disable-ambient-providers", "--identity-token", "/run/token")
    verifying = verify_command(KEYLESS, Files(), SUBJECT)
    assert verifying[4:8] == (
        *("--certificate-identity", "https://ci.example/job"),
        *("--certificate-oidc-issuer", "https://issuer.example"),
    )
    assert not any("insecure" in word for word in verifying)


def test_without_a_log_missing_files_are_generated() -> None:
    settings = replace(WITH_KEY, transparency_log=False)
    assert files_of(settings, "config", "root") == Files(None, "config", "root")
    assert files_of(replace(settings, trusted_root="/own"), "config", "root") == Files(None, "config", "/own")
    assert "--insecure-ignore-tlog=true" in verify_command(settings, Files(), SUBJECT)


def test_children_of_an_index_are_not_signed() -> None:
    assert "--recursive" not in sign_command(WITH_KEY, Files(), SUBJECT)


@pytest.mark.parametrize(
    ("host", "plain"),
    [("localhost:5000", True), ("127.0.0.1:5000", True), ("10.0.0.1:5000", False), ("reg.example", False)],
)
def test_plain_http_is_for_loopback_alone(host: str, plain: bool) -> None:
    subject = replace(SUBJECT, repository=Repository.parse(f"{host}/dev/demo").unwrap())
    for made in (sign_command(WITH_KEY, Files(), subject), verify_command(WITH_KEY, Files(), subject)):
        assert ("--allow-http-registry" in made) is plain


JOB = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "DOCKER_CONFIG": "/docker",
    "ADO_PAT": "x",
    "GITHUB_TOKEN": "x",
    "COSIGN_PASSWORD": "password",
    "AWS_REGION": "here",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "VAULT_ADDR": "https://vault",
    "VAULT_TOKEN": "vault-secret",
    "COSIGN_REPOSITORY": "elsewhere",
}


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        pytest.param(WITH_KEY, {"COSIGN_PASSWORD"}, id="file"),
        pytest.param(KEYLESS, set(), id="keyless"),
        pytest.param(CosignSettings(key="awskms:///x"), {"AWS_REGION", "AWS_SECRET_ACCESS_KEY"}, id="aws"),
        pytest.param(CosignSettings(key="hashivault://x"), {"VAULT_ADDR", "VAULT_TOKEN"}, id="vault"),
    ],
)
def test_each_kind_of_key_sees_its_own_variables(settings: CosignSettings, seen: set[str]) -> None:
    assert set(cosign_environment(JOB, settings)) == {"PATH", "HOME"} | seen


def test_secrets_are_known_by_their_names() -> None:
    job = JOB | {"AZURE_FEDERATED_TOKEN_FILE": "/token", "TRANSIT_SECRET_ENGINE_PATH": "transit"}
    assert set(secrets_of(job)) == {"x", "password", "aws-secret", "vault-secret"}


def test_the_plan_shows_each_repository_once_with_a_placeholder() -> None:
    signer = CosignSigner("c", replace(WITH_KEY, transparency_log=False), {})
    sign, verify, *rest = signer.describe(tuple(one.reference for one in IMAGES[1:])).splitlines()
    assert sign == (
        "cosign sign --yes --key /keys/cosign.key --signing-config '<signing config without services>' "
        "--trusted-root '<empty trusted root>' 'reg.example/dev/ant@<digest>'"
    )
    assert verify.startswith("cosign verify --output json --key /keys/cosign.pub")
    assert rest == []


def verified(digest: str) -> str:
    return f'[{{"critical":{{"image":{{"docker-manifest-digest":"{digest}"}}}}}}]'


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        pytest.param(["WARNING: x", "", verified(DIGEST.text)], True, id="among-other-lines"),
        pytest.param([verified("sha256:" + "b" * 64)], False, id="another"),
        pytest.param([f"Verification for reg.example/prod/demo@{DIGEST} --"], False, id="in-words"),
        pytest.param(["[]"], False, id="empty"),
        pytest.param(['["a", 1, null, {"critical": []}]'], False, id="other-types"),
        pytest.param(["[" * 100_000], False, id="nested-too-deep"),
        pytest.param([f"[{DIGEST}"], False, id="broken"),
    ],
)
def test_a_success_is_a_json_list_with_the_digest(lines: list[str], named: bool) -> None:
    assert names_digest(lines, DIGEST) is named


@pytest.mark.parametrize(
    ("line", "transient"),
    [
        ('Get "https://reg.example/v2/": dial tcp: connect: connection refused', True),
        ("HEAD https://reg.example/v2/x: unexpected status code 503 Service Unavailable", True),
        ("dial tcp: lookup reg.example: no such host", True),
        ("unexpected status code 404 Not Found", False),
        ("UNAUTHORIZED: authentication required", False),
        ("decrypt: encrypted: decryption failed", False),
    ],
)
def test_network_problems_are_transient(line: str, transient: bool) -> None:
    assert is_transient([f"Error: signing: {line}"]) is transient


def test_the_reason_is_the_last_error_without_its_repetition() -> None:
    lines = ("Signing artifact...", "Error: signing: no", "error during command execution: signing: no")
    assert reason_of(lines) == "signing: no"
    assert reason_of(("what is this", "")) == "what is this"
    assert reason_of(()) == "no output"
    assert len(reason_of(("Error: " + "x" * 5000,))) == LARGEST_REASON + 1


def test_a_killed_program_is_a_transient_failure() -> None:
    script = "echo WARNING: something else; kill -9 $$"
    ended = run_cosign(("sh", "-c", script), {"PATH": os.environ["PATH"]}, ManualCancellation())
    assert isinstance(ended, CosignFailure)
    assert "killed by signal 9" in ended.reason
    assert ended.transient
