"""Evaluates pipelines: the values of Go's ``text/template``, and the calls of functions and methods.

Templates may be hostile: steps, depth and the sizes of texts are bounded, so that every template ends soon.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, final

from image_builder_domain.go.template.calendar import from_datetime
from image_builder_domain.go.template.data import TEXT_FIELDS, TemplateData
from image_builder_domain.go.template.functions import BUILTINS
from image_builder_domain.go.template.member import METHODS, names_of
from image_builder_domain.go.template.refusal import LONGEST_SHOWN, Refused, shown
from image_builder_domain.go.template.syntax import (
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Literal,
    Nil,
    Number,
    Operand,
    Pipeline,
    Variable,
)
from image_builder_domain.go.template.value import (
    ROOT,
    TYPE_NAMES,
    Duration,
    Root,
    Value,
    canonical,
    is_true,
    type_name,
)
from image_builder_domain.secret_name import holds_secret

MOST_STEPS: Final = 10_000
DEEPEST: Final = 100

_LONGEST_TEXT: Final = 16_384
_CHARACTERS_PER_STEP: Final = 16


@final
class _Absent:
    """The missing input of the first command of a pipeline."""


_ABSENT: Final = _Absent()
_Piped: TypeAlias = Value | _Absent


@final
class Expressions:
    """The variables and the budget of one run.

    ``position`` is the place of the current evaluation; ``unset`` are the variables that ``.Env`` did not find.
    """

    def __init__(self, data: TemplateData) -> None:
        self.position = 0
        self.unset: dict[str, None] = {}
        self.variables: list[tuple[str, Value]] = [("$", ROOT)]
        self._data = data
        self._steps = 0
        self._depth = 0

    # --- the budget ---

    def spend(self, steps: int = 1) -> None:
        """Count steps; raises :class:`Refused` beyond the limit."""
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise Refused(f"the template takes more than {MOST_STEPS} steps")

    def enter(self) -> None:
        """Enter a level of nesting; :meth:`leave` ends it."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"more than {DEEPEST} levels of nesting are not supported")

    def leave(self) -> None:
        """Leave a level of nesting."""
        self._depth -= 1

    # --- variables ---

    def _lookup(self, name: str) -> Value:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise self._undefined(name)

    def assign(self, name: str, value: Value) -> None:
        """Change the innermost variable of this name."""
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise self._undefined(name)

    def _undefined(self, name: str) -> Refused:
        names = ", ".join(dict.fromkeys(known for known, _ in self.variables))
        return Refused(f"unknown variable {name[:LONGEST_SHOWN]} here", names=names)

    # --- pipelines ---

    def pipeline(self, dot: Value, pipeline: Pipeline) -> Value:
        """The value of the last command; variables that it declares stay defined."""
        first, *others = pipeline.commands
        value = self._command(dot, first, _ABSENT)
        for command in others:
            value = self._command(dot, command, value)
        for name in pipeline.names:
            if pipeline.assigns:
                self.position = pipeline.position
                self.assign(name, value)
            else:
                self.variables.append((name, value))
        return value

    def _command(self, dot: Value, command: Command, piped: _Piped) -> Value:
        self.spend()
        first, arguments = command.first, command.arguments
        self.position = first.position
        match first:
            case Field():
                return self._chain(dot, dot, first.names, arguments, piped, first.position)
            case Function():
                return self._function(dot, first, arguments, piped)
            case Chain():
                receiver = self._operand(dot, first.operand)
                return self._chain(dot, receiver, first.names, arguments, piped, first.position)
            case Variable() if first.names:
                return self._chain(dot, self._lookup(first.name), first.names, arguments, piped, first.position)
        if arguments or not isinstance(piped, _Absent):
            raise Refused("only functions and methods take arguments")
        if isinstance(first, Nil):
            raise Refused("nil is not a command")
        return self._operand(dot, first)

    def _operand(self, dot: Value, operand: Operand) -> Value:
        """The value of an operand where any type is accepted."""
        self.position = operand.position
        match operand:
            case Literal():
                return operand.value
            case Number():
                if operand.constant.value is None:
                    raise Refused(f"{shown(operand.text)} does not fit into an int")
                return operand.constant.value
            case Nil():
                return None
            case Dot():
                return dot
            case Field():
                return self._chain(dot, dot, operand.names, (), _ABSENT, operand.position)
            case Variable():
                value = self._lookup(operand.name)
                return self._chain(dot, value, operand.names, (), _ABSENT, operand.position)
            case Function():
                return self._function(dot, operand, (), _ABSENT)
            case Chain():
                receiver = self._operand(dot, operand.operand)
                return self._chain(dot, receiver, operand.names, (), _ABSENT, operand.position)
            case Pipeline():
                self.enter()
                value = self.pipeline(dot, operand)
                self.leave()
                return value

    # --- calls ---

    def _function(self, dot: Value, function: Function, arguments: Sequence[Operand], piped: _Piped) -> Value:
        name = function.name
        if name in ("and", "or"):
            return self._first_decisive(dot, name == "or", function, arguments, piped)
        builtin = BUILTINS[name]
        count, least = len(arguments) + (not isinstance(piped, _Absent)), len(builtin.parameters)
        if count < least or (count > least and not builtin.more):
            raise _wrong_count(name, least, count, "at least " if builtin.more else "")
        values = self._arguments(dot, builtin.parameters, arguments, piped)
        self.position = function.position
        return self._bounded(builtin.call(*values))

    def _first_decisive(
        self, dot: Value, decisive: bool, function: Function, arguments: Sequence[Operand], piped: _Piped
    ) -> Value:
        """``and`` and ``or``: the first value that decides, or the last one; later arguments are not evaluated."""
        if not arguments and isinstance(piped, _Absent):
            raise _wrong_count(function.name, 1, 0, "at least ")
        value: Value = None
        for argument in arguments:
            value = self._operand(dot, argument)
            if is_true(value) == decisive:
                return value
        return value if isinstance(piped, _Absent) else piped

    def _chain(
        self,
        dot: Value,
        receiver: Value,
        names: Sequence[str],
        arguments: Sequence[Operand],
        piped: _Piped,
        position: int,
    ) -> Value:
        """``.A.B.C arguments``: only the last one takes them."""
        last = len(names) - 1
        for place, name in enumerate(names):
            self.position = position
            if place == last:
                receiver = self._member(dot, receiver, name, arguments, piped)
            else:
                receiver = self._member(dot, receiver, name, (), _ABSENT)
        return receiver

    def _member(self, dot: Value, receiver: Value, name: str, arguments: Sequence[Operand], piped: _Piped) -> Value:
        self.spend()
        if receiver is None:
            return None
        if isinstance(receiver, Root):
            return self._root_member(dot, name, arguments, piped)
        method = METHODS.get(type(receiver), {}).get(name)
        if method is None:
            names = names_of(type(receiver)) or "no fields or methods here"
            raise Refused(f"{type_name(receiver)} has no .{name[:LONGEST_SHOWN]}", names=names)
        count = len(arguments) + (not isinstance(piped, _Absent))
        if count != len(method.parameters):
            raise _wrong_count(f".{name}", len(method.parameters), count, "")
        position = self.position
        values = self._arguments(dot, method.parameters, arguments, piped)
        self.position = position
        return self._bounded(method.call(receiver, *values))

    def _root_member(self, dot: Value, name: str, arguments: Sequence[Operand], piped: _Piped) -> Value:
        count = len(arguments) + (not isinstance(piped, _Absent))
        if name == "Env":
            if count != 1:
                raise _wrong_count(".Env", 1, count, "")
            (variable,) = self._arguments(dot, (str,), arguments, piped)
            return self._environment(str(variable))
        field = TEXT_FIELDS.get(f".{name}")
        if field is None and name != "Time":
            raise Refused(f"unknown field .{name[:LONGEST_SHOWN]}")
        if count:
            raise Refused(f".{name} is a field, and takes no arguments")
        return field(self._data) if field is not None else from_datetime(self._data.time, self._data.nanosecond)

    def _environment(self, name: str) -> str:
        if holds_secret(name):
            raise Refused(f"the variable {shown(name)} may hold a secret; a template cannot use it")
        value = self._data.env.get(name)
        if value is None:
            self.unset[name] = None
        return self._bounded_text(canonical(value or ""))

    def _arguments(
        self, dot: Value, parameters: Sequence[type[Any] | None], arguments: Sequence[Operand], piped: _Piped
    ) -> list[Value]:
        values: list[Value] = []
        for place, argument in enumerate(arguments):
            values.append(self._argument(dot, parameters[place] if place < len(parameters) else None, argument))
        if not isinstance(piped, _Absent):
            expected = parameters[len(values)] if len(values) < len(parameters) else None
            values.append(_checked(expected, piped))
        return values

    def _argument(self, dot: Value, expected: type[Any] | None, operand: Operand) -> Value:
        if expected is None:
            return self._operand(dot, operand)
        self.position = operand.position
        if isinstance(operand, Number) and expected in (int, Duration):
            if operand.constant.integer is None:
                raise Refused(f"{shown(operand.text)} is not a whole number")
            whole: int = expected(operand.constant.integer)
            return whole
        return _checked(expected, self._operand(dot, operand))

    def _bounded(self, value: Value) -> Value:
        return self._bounded_text(value) if isinstance(value, str) else value

    def _bounded_text(self, text: str) -> str:
        if len(text) > _LONGEST_TEXT:
            raise Refused(f"texts of more than {_LONGEST_TEXT} characters are not supported")
        self.spend(len(text) // _CHARACTERS_PER_STEP)
        return text


def _checked(expected: type[Any] | None, value: Value) -> Value:
    if expected is not None and type(value) is not expected:
        raise Refused(f"an argument of the type {_SPOKEN[expected]} is needed here, not {type_name(value)}")
    return value


_SPOKEN: Final[dict[type[Any], str]] = {**TYPE_NAMES, bytes: "[]byte"}


def _wrong_count(name: str, wanted: int, given: int, least: str) -> Refused:
    return Refused(f"{name} takes {least}{wanted} argument{'s' if wanted != 1 else ''}, not {given}")
