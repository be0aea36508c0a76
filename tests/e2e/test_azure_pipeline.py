"""The pipeline of this repository, run by an agent with a real engine, registries and a signing service.

What a client sends is said here parameter by parameter; nothing of our own client takes part.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.azure_devops import wait_for
from tests.e2e.azure_world import AzureWorld, azure_world
from tests.e2e.world import World
from tests.programs import require

pytestmark = pytest.mark.e2e
REPORTER = "print_image_build_report"


@pytest.fixture
def azure(world: World) -> Iterator[AzureWorld]:
    with azure_world(world) as found:
        yield found


def run(azure: AzureWorld, parameters: dict[str, str]) -> tuple[int, str]:
    """The run's number and result."""
    number = azure.client.finish(azure.pipeline.card.id, parameters)
    return number, azure.client.ask(f"build/builds/{number}").json()["result"]


def everything(azure: AzureWorld, number: int) -> str:
    """Every log of the run, for a failing test."""
    logs = [log["id"] for log in azure.client.ask(f"build/builds/{number}/logs").json()["value"]]
    texts = [
        azure.client.ask(f"build/builds/{number}/logs/{log}", headers={"Accept": "text/plain"}).text() for log in logs
    ]
    return "\n".join(texts)


def report(azure: AzureWorld, number: int) -> dict[str, Any]:
    """The report between its marks, in the log of the task that prints it."""
    lines = azure.client.log(number, REPORTER)
    start, end = lines.index("---IMAGE BUILD REPORT---"), lines.index("---END OF IMAGE BUILD REPORT---")
    found: dict[str, Any] = json.loads("\n".join(lines[start + 1 : end]))
    return found


def test_a_push_is_built_pushed_and_signed(azure: AzureWorld) -> None:
    number, result = run(azure, azure.postsubmit())
    assert result == "succeeded", everything(azure, number)
    published = report(azure, number)
    assert (published["outcome"], published["pushed"], published["signed"]) == ("success", True, True)
    registry, mirror = azure.world.registry.host_port, azure.world.mirror.host_port
    assert {place.rpartition(":")[0] for place in published["images_list"]} == {
        f"{registry}/prod/app",
        f"{mirror}/prod/app",
    }
    assert azure.world.manifest(f"{registry}/prod/app:latest") is not None
    assert {str(image.digest) for image in azure.world.signing.received} == {published["digest"]}
    assert len(azure.world.signing.received) == len(published["images_list"])
    signatures = published["images"][0]["signatures"]
    assert {each["reference"] for each in signatures} == set(published["images_list"])
    assert {place["fate"] for place in published["images"][0]["destinations"]} == {"created"}
    assert "prod/app:latest: later" in "\n".join(azure.client.log(number, "build_and_push"))
    assert published["not_signed"] == ""


def test_a_pull_request_is_built_for_development_and_not_signed(azure: AzureWorld) -> None:
    number, result = run(azure, azure.presubmit())
    assert result == "succeeded", everything(azure, number)
    published = report(azure, number)
    registry = azure.world.registry.host_port
    assert (published["pushed"], published["signed"]) == (True, False)
    assert published["not_signed"] == "the pipeline signs merged code alone"
    assert sorted(published["images_list"]) == [f"{registry}/dev/app:PR-7", f"{registry}/dev/app:latest"]
    assert azure.world.manifest(f"{registry}/prod/app:latest") is None
    assert azure.world.signing.received == ()
    assert "hello from the pull request" in "\n".join(azure.client.log(number, "build_and_push"))
    assert azure.client.records(number)["publish_image"]["result"] == "succeeded"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"RepoOwner": "mallory"}, "PRODUCTION_REFS does not allow 'mallory/demo'", id="fork"),
        pytest.param({"BaseRef": "fix"}, "the claim ref is 'refs/heads/main', not BaseRef, 'fix'", id="branch"),
        pytest.param({"Authorization": ""}, "Authorization: is missing, and a", id="missing-token"),
    ],
)
def test_a_push_that_is_not_proven_is_refused_before_anything_is_fetched(
    azure: AzureWorld, changed: dict[str, str], expected: str
) -> None:
    number, result = run(azure, azure.postsubmit(**changed))
    records = azure.client.records(number)
    assert (result, records["check_authorization"]["result"]) == ("failed", "failed"), everything(azure, number)
    issues = [issue["message"] for issue in records["check_authorization"]["issues"]]
    assert any(expected in issue for issue in issues), issues
    assert "Bash exited with code '2'." in issues
    assert records["fetch_source"]["result"] == records["build_and_push"]["result"] == "skipped"
    assert azure.world.manifest(f"{azure.world.registry.host_port}/prod/app:latest") is None
    assert azure.world.signing.received == ()


def test_a_branch_that_has_a_token_of_its_own_is_refused(azure: AzureWorld) -> None:
    """Each user who can push can make a branch, and a workflow in it that asks for a token."""
    token = azure.issuer.token("acme/demo", "refs/heads/fix", azure.proposed)
    sent = azure.postsubmit(BaseRef="fix", PullBaseSHA=azure.proposed, Authorization=token)
    number, result = run(azure, sent)
    said = "\n".join(azure.client.log(number, "check_authorization"))
    assert result == "failed"
    assert "'refs/heads/fix' of acme/demo is not a production ref" in said
    assert token not in said


def test_every_variant_of_a_push_is_signed_as_it_was_built(world: World) -> None:
    world.context.joinpath("variants.yaml").write_text('one: {VERSION: "1"}\ntwo: {VERSION: "2"}\n')
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo $VERSION > /version"]')
    with azure_world(world) as azure:
        number, result = run(azure, azure.postsubmit(Tags=""))
        assert result == "succeeded", everything(azure, number)
        published = report(azure, number)
        built = {image["variant"]: image["digest"] for image in published["images"]}
        assert (set(built), published["digest"], published["signed"]) == ({"one", "two"}, "", True)
        for image in published["images"]:
            assert {signature["digest"] for signature in image["signatures"]} == {built[image["variant"]]}
        signed = {image.tag.rpartition("-")[2]: str(image.digest) for image in world.signing.received}
        assert signed == built


def test_a_pull_request_is_built_with_kaniko(world: World) -> None:
    with azure_world(world, KANIKO_EXECUTOR=require("executor")) as azure:
        number, result = run(azure, azure.presubmit(BuildEngine="kaniko", UseKanikoConfigFromPR="false"))
        assert result == "succeeded", everything(azure, number)
        published = report(azure, number)
        assert azure.world.manifest(f"{azure.world.registry.host_port}/dev/app:PR-7") is not None
        assert (published["pushed"], published["signed"]) == (True, False)


def test_a_build_that_fails_prints_a_report_and_signs_nothing(world: World) -> None:
    """The failing step prints a forged report and commands for the agent: neither has an effect."""
    forged = "---IMAGE BUILD REPORT---\\n{}\\n---END OF IMAGE BUILD REPORT---"
    command = f"printf '{forged}\\n##vso[task.complete result=Succeeded;]x\\n'; exit 3"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", {json.dumps(command)}]')
    with azure_world(world) as azure:
        number, result = run(azure, azure.postsubmit())
        records = azure.client.records(number)
        assert (result, records["build_and_push"]["result"]) == ("failed", "failed"), everything(azure, number)
        assert (records["publish_image"]["result"], records[REPORTER]["result"]) == ("skipped", "succeeded")
        published = report(azure, number)
        assert (published["outcome"], published["pushed"], published["signed"]) == ("failure", False, False)
        assert any("##vso[" in line for line in published["images"][0]["failure"]["last_lines"])
        assert azure.world.signing.received == ()


def test_a_push_that_is_canceled_stops_its_engine(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo now sleeping; sleep 100"]')
    with azure_world(world) as azure:
        number = azure.client.start(azure.pipeline.card.id, azure.postsubmit()).json()["id"]
        wait_for(lambda: is_sleeping(azure, number), 60)
        azure.client.ask(f"build/builds/{number}", "PATCH", {"status": "cancelling"})
        assert azure.service.runs[0].completed.wait(30)
        assert azure.client.ask(f"build/builds/{number}").json()["result"] == "canceled"
        assert azure.client.records(number)["build_and_push"]["result"] == "canceled"
        assert report(azure, number)["interrupted"] == "SIGINT"


def is_sleeping(azure: AzureWorld, number: int) -> bool:
    record = azure.client.records(number).get("build_and_push", {})
    return record.get("log") is not None and any(
        line.endswith(" now sleeping") for line in azure.client.log(number, "build_and_push")
    )
