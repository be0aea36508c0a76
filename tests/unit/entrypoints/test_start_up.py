"""Printing tags starts fast: what only other modes need is not loaded, however much the configuration says."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.given import COMPLETE

JOB = {
    "CI": "true",
    "PROW_JOB_ID": "1",
    "JOB_TYPE": "postsubmit",
    "REPO_OWNER": "acme",
    "REPO_NAME": "demo",
    "PULL_BASE_SHA": "abcdef12" * 5,
    "PULL_BASE_REF": "main",
}
RUN = "import sys; from image_builder.__main__ import main; code = main(); print(*sys.modules, file=sys.stderr)"
HEAVY = (
    "asyncio",
    "dependency_injector",
    "email",
    "httpx",
    "importlib.metadata",
    "jwt",
    "logging",
    "returns.io",
    "returns.methods",
    "returns.pointfree",
    "ssl",
    "subprocess",
    "urllib",
)


@pytest.mark.parametrize("text", ["registry: reg.example/prod\n", COMPLETE], ids=["a short file", "every key"])
def test_tags_are_printed_without_what_other_modes_need(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    ended = subprocess.run(
        [sys.executable, "-I", "-c", RUN, "--parse-tags-only", "--config", str(config)],
        env=JOB,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith('[{"name":')
    assert [name for name in HEAVY if name in ended.stderr.split()] == []


def test_what_verifies_tokens_is_loaded_by_its_own_command_alone() -> None:
    load = (
        "import image_builder.cli, image_builder.modes.remote, image_builder.container, image_builder.modes.doctor, sys"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"{load}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert {"jwt", "cryptography", "image_builder.pipeline_admission"} & set(ended.stdout.split()) == set()


def test_signing_is_loaded_without_what_only_builds_and_pipelines_need() -> None:
    load = "import image_builder.cli, image_builder.modes.sign, image_builder_adapters.notary.signer, sys"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"{load}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.split())
    heavy = {"asyncio", "dependency_injector", "httpx", "image_builder.container.runs", "socksio"}
    assert heavy & loaded == set()
    assert not any(
        name.startswith(("image_builder_adapters.buildkit.", "image_builder.workflows."))
        and name.rpartition(".")[2] in ("build", "remote_build", "engine")
        for name in loaded
    )
