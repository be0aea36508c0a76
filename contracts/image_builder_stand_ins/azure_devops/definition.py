"""An expanded definition as values: jobs and their steps. A key that is not here is refused by its name.

Only one stage, without a name, and jobs that follow each other: what the definitions of this repository need.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from yaml.nodes import MappingNode, Node

from image_builder_stand_ins.azure_devops.expression import STATUS_FUNCTIONS, Scope, evaluate
from image_builder_stand_ins.azure_devops.parameter import plain
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError, items, pairs, refuse, text

_Readers = Mapping[str, Callable[[Node], Any]]
JOB_MINUTES, CANCEL_MINUTES = 60.0, 5.0
"""What a job gets that says nothing."""


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``kind`` is ``bash``, ``script`` or ``checkout``, ``content`` its text.

    ``settable`` names the variables that it may set (None: all); ``restricted`` leaves it few commands.
    """

    kind: str
    content: str
    name: str = ""
    display: str = ""
    condition: str = "succeeded()"
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    continues: bool = False
    minutes: float = 0
    settable: tuple[str, ...] | None = None
    restricted: bool = False


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One job. ``minutes`` is its deadline (0: none), ``cancel_minutes`` what a canceled job still gets.

    ``clean`` says what the agent deletes before the job: ``outputs``, ``resources`` or ``all``; empty for nothing.
    """

    name: str
    steps: tuple[Step, ...]
    display: str = ""
    pool: str = ""
    minutes: float = JOB_MINUTES
    cancel_minutes: float = CANCEL_MINUTES
    variables: tuple[tuple[str, str], ...] = ()
    clean: str = ""


@final
@dataclass(frozen=True, slots=True)
class Definition:
    """A pipeline as it will run. A variable with an empty name is a group, its value the group's name."""

    jobs: tuple[Job, ...]
    variables: tuple[tuple[str, str], ...] = ()
    pool: str = ""


def read(root: MappingNode) -> Definition:
    """Read an expanded document. Raises ``RefusedError``."""
    found = _fields(root, _ROOT, "the pipeline")
    pool, variables = found.get("pool", ""), found.get("variables", ())
    if "jobs" in found:
        return Definition(found["jobs"], variables, pool)
    if "steps" not in found:
        refuse(root, "a pipeline must have jobs or steps: this stand-in knows no stages")
    return Definition((Job("Job", found["steps"], pool=pool),), variables, pool)


def _fields(node: Node, readers: _Readers, what: str) -> dict[str, Any]:
    found = {}
    for key, value in pairs(node, what):
        if key.value not in readers:
            refuse(key, f"Unexpected value '{key.value}': this stand-in does not know it in {what}")
        found[key.value] = readers[key.value](value)
    return found


def _text(node: Node) -> str:
    return text(node, "a value")


def _condition(node: Node) -> str:
    """A condition that can be worked out; every part of it is, so that what is unknown shows at once."""
    calls = {name: lambda: False for name in STATUS_FUNCTIONS}
    try:
        evaluate(_text(node), Scope({"variables": {}}, calls))
    except RefusedError as error:
        refuse(node, str(error))
    return _text(node)


def _number(node: Node) -> float:
    written = _text(node)
    if not written.isdigit():
        refuse(node, f"expected a number, found '{written}'")
    return float(written)


def _boolean(node: Node) -> bool:
    written = _text(node).lower()
    if written not in ("true", "false"):
        refuse(node, f"expected true or false, found '{written}'")
    return written == "true"


def _pool(node: Node) -> str:
    if not isinstance(node, MappingNode):
        return _text(node)
    found = _fields(node, {"name": _text, "vmImage": _text, "demands": plain}, "a pool")
    return str(found.get("name", found.get("vmImage", "")))


def _variables(node: Node) -> tuple[tuple[str, str], ...]:
    if isinstance(node, MappingNode):
        return tuple((key.value, _text(value)) for key, value in pairs(node, "variables"))
    return tuple(_variable(item) for item in items(node, "variables"))


def _variable(node: Node) -> tuple[str, str]:
    found = _fields(node, {"name": _text, "value": _text, "group": _text, "readonly": _boolean}, "a variable")
    return ("", found["group"]) if "group" in found else (found.get("name", ""), found.get("value", ""))


def _mapping(node: Node) -> dict[str, str]:
    return {key.value: _text(value) for key, value in pairs(node, "env")}


def _target(node: Node) -> dict[str, Any]:
    return _fields(node, {"commands": _text, "settableVariables": _settable}, "a step's target")


def _settable(node: Node) -> tuple[str, ...]:
    return tuple(_text(item) for item in items(node, "settableVariables")) if not _is_none(node) else ()


def _is_none(node: Node) -> bool:
    return bool(node.value == "none")


def _workspace(node: Node) -> str:
    return str(_fields(node, {"clean": _clean}, "a workspace").get("clean", ""))


def _clean(node: Node) -> str:
    written = _text(node)
    if written not in ("outputs", "resources", "all"):
        refuse(node, f"expected outputs, resources or all, found '{written}'")
    return written


def _steps(node: Node) -> tuple[Step, ...]:
    """The steps; without a checkout the service puts one first."""
    found = tuple(_step(item) for item in items(node, "steps"))
    return found if any(step.kind == "checkout" for step in found) else (Step("checkout", "self"), *found)


def _step(node: Node) -> Step:
    first = next((key.value for key, _ in pairs(node, "a step")), "")
    if first not in ("bash", "script", "checkout"):
        refuse(node, f"Unexpected value '{first}': this stand-in knows steps of the kinds bash, script and checkout")
    found = _fields(node, {first: _text, **_STEP}, "a step")
    if first == "checkout" and found[first] not in ("self", "none"):
        refuse(node, f"this stand-in cannot check out '{found[first]}'")
    target = found.get("target", {})
    return Step(
        kind=first,
        content=found[first],
        name=found.get("name", ""),
        display=found.get("displayName", ""),
        condition=found.get("condition", "succeeded()"),
        environment=found.get("env", {}),
        folder=found.get("workingDirectory", ""),
        continues=found.get("continueOnError", False),
        minutes=found.get("timeoutInMinutes", 0),
        settable=target.get("settableVariables"),
        restricted=target.get("commands", "any") == "restricted",
    )


def _job(node: Node) -> Job:
    found = _fields(node, _JOB, "a job")
    return Job(
        name=found.get("job", "") or "Job",
        steps=found.get("steps", ()),
        display=found.get("displayName", ""),
        pool=found.get("pool", ""),
        minutes=found.get("timeoutInMinutes", JOB_MINUTES),
        cancel_minutes=found.get("cancelTimeoutInMinutes", CANCEL_MINUTES),
        variables=found.get("variables", ()),
        clean=found.get("workspace", ""),
    )


def _jobs(node: Node) -> tuple[Job, ...]:
    return tuple(_job(item) for item in items(node, "jobs"))


_STEP: _Readers = {
    "name": _text,
    "displayName": _text,
    "condition": _condition,
    "env": _mapping,
    "workingDirectory": _text,
    "continueOnError": _boolean,
    "timeoutInMinutes": _number,
    "target": _target,
}
_JOB: _Readers = {
    "job": _text,
    "displayName": _text,
    "pool": _pool,
    "timeoutInMinutes": _number,
    "cancelTimeoutInMinutes": _number,
    "variables": _variables,
    "workspace": _workspace,
    "steps": _steps,
}
_ROOT: _Readers = {
    "name": _text,
    "trigger": plain,
    "pr": plain,
    "parameters": plain,
    "variables": _variables,
    "pool": _pool,
    "jobs": _jobs,
    "steps": _steps,
}
