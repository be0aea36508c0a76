"""Our own workflows on GitHub: what they may do, and that they run commands of this repository."""

import configparser
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".github" / "workflows"
FOREIGN = {"apt-get", "gh", "python3", "sysctl"}
"""Programs of the runner."""


def workflow(name: str) -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return parsed


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def commands(name: str) -> Iterator[list[str]]:
    """Every command line, without sudo and redirections."""
    for step in steps(name):
        for command in re.split(r"&&|\n", step.get("run", "")):
            if words := [word for word in shlex.split(command.partition(" > ")[0]) if word != "sudo"]:
                yield words


def test_these_are_all_workflows() -> None:
    assert sorted(os.listdir(FOLDER)) == ["ci.yml", "release.yml"]


@pytest.mark.parametrize(
    ("name", "triggers"),
    [
        ("ci.yml", {"push": {"branches": ["main"]}, "pull_request": None}),
        ("release.yml", {"push": {"tags": ["v*"]}}),
    ],
)
def test_a_workflow_starts_for_these_events_only(name: str, triggers: object) -> None:
    assert workflow(name)[True] == triggers  # YAML 1.1 reads the key `on` as true


@pytest.mark.parametrize(
    ("name", "more"),
    [("ci.yml", {}), ("release.yml", {"pypi": {"id-token": "write"}, "github": {"contents": "write"}})],
)
def test_only_the_jobs_that_publish_may_write_and_they_run_no_code_of_the_repository(
    name: str, more: dict[str, object]
) -> None:
    parsed = workflow(name)
    assert parsed["permissions"] == {"contents": "read"}
    assert {job: it["permissions"] for job, it in parsed["jobs"].items() if "permissions" in it} == more
    for job in more:
        assert not any("actions/checkout" in step.get("uses", "") for step in parsed["jobs"][job]["steps"])
    assert "secrets." not in (FOLDER / name).read_text()


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_every_action_is_pinned_by_commit_and_no_checkout_keeps_a_credential(name: str) -> None:
    used = [step for step in steps(name) if "uses" in step]
    assert used
    for step in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_every_command_exists_and_takes_values_of_an_event_from_variables_only(name: str) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    assert not any("${{" in step.get("run", "") for step in steps(name))
    for program, *arguments in commands(name):
        if program in FOREIGN:
            scripts = [word for word in arguments if word.startswith("scripts/")]
            assert all((ROOT / script).is_file() for script in scripts)
        elif program.startswith("$RUNNER_TEMP/empty/bin/"):
            assert Path(program).name in {"pip", *_our_commands()}
        else:
            assert os.access(ROOT / program, os.X_OK), program
        if program == "scripts/test":
            assert arguments[0] == "-e"
            assert f"testenv:{arguments[1]}" in tox


def _our_commands() -> list[str]:
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
