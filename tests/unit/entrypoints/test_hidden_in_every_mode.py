"""Every mode that can print something foreign knows the secrets of the job first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REGISTRY, SIGNER = "registry-password-1", "signer-token-0001"
# What makes a mode quote SIGNER in its output, with a configuration that can be read.
QUOTING = {
    "build": ("--name", f"x {SIGNER}"),
    "plan": ("--name", f"x {SIGNER}"),
    "sign": ("--images-to-sign", f"x {SIGNER}"),
    "verify": (f"x {SIGNER}",),
    "preview": ("--name", f"x {SIGNER}", "--ado-preview-run-yaml-path", SIGNER),
    "doctor": (),  # it names the executor
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"reg.example": {"password": REGISTRY}}}))
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(SIGNER)
    secret = {"path": str(tmp_path / "token"), "type": "token"}
    signer = {"name": "n", "type": "notary", "config": {"endpoint": "https://sign.example", "secret": secret}}
    config = {"registry": "reg.example/prod", "sign-config": {"enabled-signers": {"*": ["n"]}, "signers": [signer]}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DOCKER_CONFIG": str(tmp_path),
        "CI": "false",
        "KANIKO_EXECUTOR": f"/nowhere/{SIGNER}",
    }


def printed(environment: dict[str, str], mode: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "image_builder", mode, *arguments]
    home = environment["HOME"]
    ended = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=60)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("mode", sorted(QUOTING))
def test_credentials_of_registries_are_known(mode: str, environment: dict[str, str]) -> None:
    output = printed(environment, mode, f"--config=/nowhere/{REGISTRY}")
    assert "/nowhere/***" in output
    assert REGISTRY not in output


@pytest.mark.parametrize("mode", sorted(QUOTING))
def test_secrets_of_signers_are_known(mode: str, environment: dict[str, str]) -> None:
    output = printed(environment, mode, "--config=config.yaml", *QUOTING[mode])
    assert "***" in output, output
    assert SIGNER not in output
