"""A definition as it would run: the text that previews answer with, and that is the first log of a run."""

from collections.abc import Mapping
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode

from image_builder_stand_ins.azure_devops.definition import (
    CANCEL_MINUTES,
    JOB_MINUTES,
    Definition,
    Job,
    Step,
    read,
)
from image_builder_stand_ins.azure_devops.expression import expand
from image_builder_stand_ins.azure_devops.parameter import declared, plain, resolve
from image_builder_stand_ins.azure_devops.yaml_node import load

_CHECKOUT = "6d15af64-176c-496d-b583-fd2ae21d4df4@1"
_TASKS = {"bash": "Bash@3", "script": "CmdLine@2"}


def final_yaml(text: str, name: str, given: Mapping[str, Any]) -> str:
    """The definition with every template expression worked out. Raises ``RefusedError``."""
    root = load(text.replace("\r\n", "\n"), name)
    expanded = expand(root, resolve(declared(root), given))
    return rendered(expanded, read(expanded))


def rendered(expanded: MappingNode, definition: Definition) -> str:
    """YAML in the service's form: always stages, jobs and tasks; shorthand is expanded."""
    kept = {key.value: plain(value) for key, value in expanded.value if key.value in ("name", "trigger", "pr")}
    document: dict[str, Any] = {**kept, "resources": {"repositories": [{"repository": "self"}]}}
    if definition.variables:
        document["variables"] = _variables(definition.variables)
    jobs = [_job(job, definition.pool) for job in definition.jobs]
    document["stages"] = [{"stage": "__default", "jobs": jobs}]
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1 << 20, allow_unicode=True))


def _variables(variables: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} if name else {"group": value} for name, value in variables]


def _job(job: Job, pool: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "job": job.name,
        "displayName": job.display,
        "timeoutInMinutes": "" if job.minutes == JOB_MINUTES else int(job.minutes),
        "cancelTimeoutInMinutes": "" if job.cancel_minutes == CANCEL_MINUTES else int(job.cancel_minutes),
        "pool": {"name": job.pool or pool} if job.pool or pool else "",
        "variables": _variables(job.variables),
        "steps": [_step(step) for step in job.steps],
    }
    return _without_blanks(found)


def _step(step: Step) -> dict[str, Any]:
    if step.kind == "checkout":
        return {"task": _CHECKOUT, "inputs": {"repository": step.content}}
    inputs = {"targetType": "inline"} if step.kind == "bash" else {}
    found: dict[str, Any] = {
        "task": _TASKS[step.kind],
        "name": step.name,
        "displayName": step.display,
        "condition": "" if step.condition == "succeeded()" else step.condition,
        "continueOnError": step.continues or "",
        "timeoutInMinutes": int(step.minutes) or "",
        "target": _target(step),
        "env": dict(step.environment),
        "inputs": {**inputs, "script": step.content, **({"workingDirectory": step.folder} if step.folder else {})},
    }
    return _without_blanks(found)


def _target(step: Step) -> dict[str, Any]:
    settable = None if step.settable is None else list(step.settable) or "none"
    return _without_blanks({"commands": "restricted" if step.restricted else "", "settableVariables": settable or ""})


def _without_blanks(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value not in ("", {}, [])}


class _Dumper(yaml.SafeDumper):
    """Scripts as blocks."""


def _text(dumper: _Dumper, value: str) -> ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, "|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
