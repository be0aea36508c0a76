"""The parameters that a pipeline declares, and what becomes of the values that a run sends.

Values arrive as strings; the service makes booleans, numbers and objects of them. Messages are those of recorded
``PipelineValidationException`` answers.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from image_builder_stand_ins.azure_devops.yaml_node import RefusedError, items, pairs, refuse, text

Value: TypeAlias = "str | bool | float | list[Value] | dict[str, Value] | None"
"""A value in expressions. Objects hold lists, mappings and texts."""

_TYPES = ("string", "boolean", "number", "object")
_KEYS = ("name", "displayName", "type", "default", "values")


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter. ``default`` is None when a run must give a value; ``values`` is empty when all are fine."""

    name: str
    type: str
    default: Value
    values: tuple[str, ...] = ()


def declared(root: Node) -> tuple[Parameter, ...]:
    """The ``parameters:`` of a pipeline's root file. Raises :class:`RefusedError`."""
    for key, value in pairs(root, "the pipeline"):
        if key.value == "parameters":
            return tuple(_parameter(item) for item in items(value, "parameters"))
    return ()


def _parameter(node: Node) -> Parameter:
    found = {}
    for key, value in pairs(node, "a parameter"):
        if key.value not in _KEYS:
            refuse(key, f"Unexpected value '{key.value}'")
        found[key.value] = value
    if "name" not in found:
        refuse(node, "a parameter must have a name")
    kind = text(found["type"], "type") if "type" in found else "string"
    if kind not in _TYPES:
        refuse(found["type"], f"this stand-in does not know parameters of type '{kind}'")
    values = tuple(text(item, "a value") for item in items(found["values"], "values")) if "values" in found else ()
    default = plain(found["default"]) if "default" in found else None
    parameter = Parameter(text(found["name"], "name"), kind, None, values)
    return Parameter(parameter.name, kind, convert(parameter, default), values) if "default" in found else parameter


def plain(node: Node) -> Value:
    """A node's value; scalars stay texts."""
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    if isinstance(node, MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    return str(node.value)


def resolve(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Value]:
    """The value of every declared parameter. Raises :class:`RefusedError` with one line for each problem."""
    known = {parameter.name.lower(): parameter for parameter in parameters}
    sent = {name.lower(): value for name, value in given.items()}
    problems = [f"Unexpected parameter '{name}'" for name in given if name.lower() not in known]
    found: dict[str, Value] = {}
    for parameter in parameters:
        value = sent.get(parameter.name.lower())
        if value is None and parameter.default is None:
            problems.append(f"A value for the '{parameter.name}' parameter must be provided.")
            continue
        try:
            found[parameter.name] = parameter.default if value is None else convert(parameter, value)
        except RefusedError as error:
            problems.append(str(error))
    if problems:
        raise RefusedError("\r\n".join(problems))
    return found


def convert(parameter: Parameter, value: Any) -> Value:
    """One value, in the parameter's type. Raises :class:`RefusedError`."""
    if parameter.type == "object":
        return _object(value)
    written = _written(value)
    if parameter.type == "boolean":
        if written.lower() not in ("true", "false"):
            raise RefusedError(_invalid(parameter, written, "a valid Boolean"))
        return written.lower() == "true"
    if parameter.values and written not in parameter.values:
        raise RefusedError(_invalid(parameter, written, "a valid value"))
    if parameter.type == "number":
        return _number(parameter, written)
    return written


def _invalid(parameter: Parameter, written: str, what: str) -> str:
    return f"The '{parameter.name}' parameter value '{written}' is not {what}."


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    return value if isinstance(value, str) else json.dumps(value)


def _number(parameter: Parameter, written: str) -> Value:
    try:
        number = float(written)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RefusedError(_invalid(parameter, written, "a valid Number"))
    return number


def _object(value: Any) -> Value:
    if not isinstance(value, str):
        return _texts(value)
    try:
        return _texts(yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise RefusedError(f"an object parameter is neither JSON nor YAML: {' '.join(str(error).split())}") from error


def _texts(value: Any) -> Value:
    if isinstance(value, dict):
        return {str(key): _texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value if value is None or isinstance(value, str) else _written(value)
