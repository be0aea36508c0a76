"""The shipped pipeline on an agent that keeps its folders, git configuration and processes between runs."""

from pathlib import Path
from typing import Any

from image_builder_stand_ins.azure_devops.agent.variable import Variable

from tests.azure_devops import Client, wait_for
from tests.contract import pipeline_agent
from tests.contract.pipeline_agent import PULL, PUSH, git
from tests.contract.pipeline_program import install
from tests.processes import is_alive

client, commits, group, issuer = (
    pipeline_agent.client,
    pipeline_agent.commits,
    pipeline_agent.group,
    pipeline_agent.issuer,
)


def test_twenty_runs_of_different_sources_and_ends_do_not_see_each_other(
    client: Client, commits: dict[str, str], group: dict[str, Variable], tmp_path: Path
) -> None:
    seen = install(tmp_path / "bin", leaves=True)
    group["SIGN_CONFIG_FILE"] = Variable("none")
    other = another_repository(tmp_path)
    push = {**PUSH, "BaseRef": "refs/heads/main"}
    kinds: list[tuple[dict[str, str], str, str]] = [
        ({**push, "PullBaseSHA": commits["merged"]}, "acme/demo merged", "succeeded"),
        ({**push, "PullBaseSHA": other, "RepoName": "other"}, "acme/other elsewhere", "succeeded"),
        ({**push, "PullBaseSHA": commits["tagged"], "BaseRef": "refs/tags/v1"}, "acme/demo tagged", "succeeded"),
        (
            {**PULL, "PullBaseSHA": commits["merged"], "PullPullSHA": commits["proposed"]},
            "acme/demo proposed",
            "succeeded",
        ),
        ({**push, "PullBaseSHA": commits["later"], "Name": "fails"}, "acme/demo later", "failed"),
        ({**push, "PullBaseSHA": commits["later"], "Name": "waits"}, "acme/demo later", "canceled"),
        ({**push, "PullBaseSHA": "4" * 40}, "", "failed"),
        ({**push, "Context": "/"}, "", "failed"),
        ({**push, "PullBaseSHA": commits["merged"], "Authorization": "refused"}, "", "failed"),
        ({**push, "PullBaseSHA": other, "RepoName": "missing"}, "", "failed"),
    ]
    for parameters, source, expected in kinds * 2:
        number = finish(client, parameters, seen)
        records = client.records(number)
        assert client.ask(f"build/builds/{number}").json()["result"] == expected, said(client, number, records)
        if source:
            log = client.log(number, "build_and_push")
            assert f"source: file://{tmp_path}/git/{source}" in log
            assert f"files: .git {name_of(source)}" in log, "\n".join(log)
            assert "temporary: 0" in log
        assert (records["build_and_push"]["result"] == "skipped") == (not source)
    assert len(client.service.runs) == 20
    left = [int(line) for line in (seen / "processes").read_text().split()]
    assert len(left) == 12
    assert not any(map(is_alive, left))


def another_repository(tmp_path: Path) -> str:
    place = tmp_path / "git" / "acme" / "other"
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    (place / "elsewhere").write_text("")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=elsewhere")
    return git(place, "rev-parse", "HEAD")


def name_of(source: str) -> str:
    """The one file of each commit is named like it."""
    return source.partition(" ")[2]


def finish(client: Client, parameters: dict[str, str], seen: Path) -> int:
    """Run to the end; a build that waits is canceled once it waits."""
    (seen / "waiting").unlink(missing_ok=True)
    if parameters["Name"] != "waits":
        return client.finish(42, parameters)
    number: int = client.start(42, parameters).json()["id"]
    wait_for((seen / "waiting").exists)
    client.ask(f"build/builds/{number}", "PATCH", {"status": "cancelling"})
    assert client.service.runs[0].completed.wait(20)
    return number


def said(client: Client, number: int, records: dict[str, Any]) -> str:
    """What the steps that failed said."""
    failed = [name for name, each in records.items() if each["type"] == "Task" and each["result"] == "failed"]
    return "\n".join(line for name in failed for line in client.log(number, name))
