"""The whole way: our client asks Azure DevOps, whose agent runs our pipeline, which builds, pushes and signs."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from image_builder_stand_ins.azure_devops.message import Operation

from tests.e2e.azure_world import AzureWorld, azure_world
from tests.e2e.settings import ado_config
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.fixture
def azure(world: World) -> Iterator[AzureWorld]:
    with azure_world(world) as found:
        yield found


def command(azure: AzureWorld, *arguments: str) -> tuple[str, ...]:
    """Become a client of the pipeline, in the job whose environment the world has."""
    world = azure.world
    ado = ado_config(azure.service, azure.pipeline, "500ms")
    config = world.folder / "client.yaml"
    config.write_text(yaml.safe_dump({"ado-config": ado}))
    world.environment |= {"ADO_PAT": azure.service.pat, "USE_BUILDKIT": "true"}
    report = str(world.artifacts / "report.json")
    named = ("--name", "app", "--config", str(config), "--build-report-path", report)
    return ("image-builder", "--build-in-ado", *named, *arguments)


def build(azure: AzureWorld, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, all output and the report."""
    done = azure.world.command(*command(azure, *arguments))
    return done.code, done.out + done.err, done.report


def test_a_push_is_built_pushed_and_signed_elsewhere(azure: AzureWorld) -> None:
    azure.world.environment = azure.github_push()
    code, shown, report = build(azure, "--tag", "latest", "--build-arg", "VERSION=7")
    assert code == 0, shown
    assert (report["pushed"], report["signed"], report["result"]) == (True, True, "succeeded")
    registry = azure.world.registry.host_port
    assert f"{registry}/prod/app:latest" in report["images_list"]
    assert azure.world.manifest(f"{registry}/prod/app:latest") is not None
    assert {str(image.digest) for image in azure.world.signing.received} == {report["digest"]}
    assert "hello from the RUN step" in shown
    assert "hello from the RUN step" in (azure.world.artifacts / "build_app.log").read_text()


def test_a_pull_request_is_built_for_development_and_not_signed(azure: AzureWorld) -> None:
    azure.world.environment = azure.github_pull_request()
    code, shown, report = build(azure, "--tag", "v{{ .ShortSHA }}")
    assert code == 0, shown
    assert (report["pushed"], report["signed"]) == (True, False)
    registry = azure.world.registry.host_port
    assert sorted(report["images_list"]) == [f"{registry}/dev/app:PR-7", f"{registry}/dev/app:v{azure.proposed[:8]}"]
    assert azure.world.manifest(f"{registry}/prod/app:PR-7") is None
    assert azure.world.signing.received == ()
    assert "hello from the pull request" in shown


def test_a_signal_stops_the_engine_elsewhere(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo now sleeping; sleep 100"]')
    with azure_world(world) as azure:
        world.environment = azure.github_push()
        process = world.launch(*command(azure))
        log, end = world.artifacts / "build_app.log", time.monotonic() + 90
        while not (azure.service.count(Operation.GET_RUN) and log.exists()):
            assert time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        done = world.finished(process, seconds=30)
        assert done.code == 143, done.err
        assert azure.service.runs[0].completed.wait(60)
        assert azure.service.count(Operation.CANCEL) == 1
        assert azure.service.runs[0].result == "canceled"
