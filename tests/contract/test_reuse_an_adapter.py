"""The code on the page about adapters does what the page says."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.image_engine import manifest
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_stand_ins.registry import Registry
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.oci_registry import push_image
from tests.programs import require_buildkit

PAGES = Path(__file__).parents[2] / "docs"


def code(page: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": page}
    for block in re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), re.DOTALL):
        exec(compile(block, page, "exec"), names)
    return names


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    return code("reuse-an-adapter.md")


def test_a_tag_has_a_digest(page: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing-there"))
    with Registry.start() as registry:
        pushed = push_image(registry.host_port, "team/app", "v1")
        assert page["digest_of"](f"{registry.host_port}/team/app:v1") == str(pushed.descriptor.digest)
        assert "does not hold it" in page["digest_of"](f"{registry.host_port}/team/app:v2")
    assert page["digest_of"]("Not a reference")


def test_an_image_is_signed(page: dict[str, Any], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("correct-horse")
    with Registry.start() as registry, SigningService.start(ServiceOptions(token="correct-horse")) as service:
        push_image(registry.host_port, "team/app", "v1")
        reference = ImageReference.parse(f"{registry.host_port}/team/app:v1").unwrap()
        client = HttpRegistry({}, Redactor())
        found = client.resolve(reference, ManualCancellation()).unwrap()
        client.close()
        assert page["sign"](reference, found, service.url, str(token)) == ""
        assert [image.digest for image in service.received] == [found.config and found.config.digest]
        token.write_text("wrong-horse")
        assert "wrong-horse" not in page["sign"](reference, found, service.url, str(token))
        assert page["sign"](reference, found, service.url, str(token))


def test_an_image_is_built(page: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_buildkit()
    for name in ("BUILDKIT_HOST", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    with Registry.start() as registry:
        place = f"{registry.host_port}/team/app"
        digest = page["build"](str(tmp_path), place, str(tmp_path / "state"))
        assert manifest(Repository.parse(place).unwrap(), digest) is not None
        (tmp_path / "Dockerfile").write_text("COPPY x\n")
        assert "the build failed" in page["build"](str(tmp_path), place, str(tmp_path / "state"))


def test_files_are_kept(page: dict[str, Any], tmp_path: Path) -> None:
    report, log = page["keep"](str(tmp_path), b"{}", [b"it is hunter2\n"], "hunter2")
    assert (Path(report).read_bytes(), Path(log).read_bytes()) == (b"{}", b"it is ***\n")
    os.symlink("/dev/null", tmp_path / "elsewhere")
    (tmp_path / "report.json").unlink()
    (tmp_path / "report.json").symlink_to(tmp_path / "elsewhere")
    assert "never followed" in page["keep"](str(tmp_path), b"{}", [], "hunter2")[0]


def test_a_program_runs(page: dict[str, Any]) -> None:
    assert page["last_line_of"](("printf", "one\\ntwo\\n"), 30.0) == "two"
    assert "program not found" in page["last_line_of"](("no-such-program-here",), 30.0)
    assert "DEADLINE" in page["last_line_of"](("sleep", "30"), 0.2)


def test_ten_lines_are_enough_for_a_suite(tmp_path: Path) -> None:
    suite = code("contracts.md")["TestMyArtifacts"]()
    artifacts = suite.artifacts.__wrapped__(suite, tmp_path / "logs")
    suite.test_secrets_are_hidden_in_logs(artifacts)
