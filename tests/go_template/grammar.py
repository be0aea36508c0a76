"""Templates at random: mostly well-typed ones, so that they get far, and some that were broken on purpose."""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar, final

from tests.go_template.values import KINDS, RULES

_T = TypeVar("_T")
Choose: TypeAlias = Callable[[Sequence[object]], object]

_REFERENCE = re.compile(r"<([a-z ]+)(\+?)>")
_BREAKS = "{}().|$\"`'-:=, \n\t/*%\\x0é_"


@final
class Grammar:
    """Makes templates by choices, which the caller supplies: random ones, or those of a search."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._variables: list[tuple[str, str]] = []
        self._templates: list[str] = []
        self._loops = 0
        self._rebound = 0

    def template(self) -> str:
        """A whole template."""
        defined = "".join(self._define(name) for name in ("a", "b") if self._one_in(6))
        text = defined + self._body(3)
        return self._broken(text) if self._one_in(8) else text

    # --- choices ---

    def _pick(self, options: Sequence[_T]) -> _T:
        return self._choose(options)  # type: ignore[return-value]  # it is one of the options

    def _one_in(self, count: int) -> bool:
        return self._pick(range(count)) == count - 1

    def _broken(self, text: str) -> str:
        place = self._pick(range(len(text) + 1))
        rest = text[place + self._pick((0, 0, 1)) :]
        return (
            text[:place]
            + self._pick(("", self._pick(_BREAKS), self._pick(_BREAKS), self._pick(RULES["broken"])))
            + rest
        )

    # --- values ---

    def _value(self, name: str, depth: int) -> str:
        """A text by one of the rules of ``name``."""
        if name == "root":
            return "$" if self._rebound or self._one_in(9) else ""
        if name == "any":
            name = self._pick(KINDS)
        if name in KINDS:
            odd = self._odd(name)
            if odd:
                return odd
        rules = RULES[name]
        end = rules.index("...") if "..." in rules else len(rules)
        rule = self._pick([rule for rule in rules if rule != "..."] if depth > 0 else rules[:end])
        return _REFERENCE.sub(lambda found: self._referred(found[1], found[2], depth), rule)

    def _odd(self, kind: str) -> str:
        """Now and then a variable of that kind, and seldom something that does not fit."""
        if self._one_in(5):
            known = [name for name, known in self._variables if known == kind]
            if known:
                return self._pick(known)
        if self._one_in(40):
            return self._value(self._pick(KINDS), 0) if self._one_in(2) else self._pick(RULES["broken"])
        return ""

    def _referred(self, name: str, nested: str, depth: int) -> str:
        if not nested:
            return self._value(name, depth)
        value = self._value(name, depth - 1)
        return f"({value})" if " " in value and value not in RULES["string"] else value

    # --- nodes ---

    def _body(self, depth: int) -> str:
        known = len(self._variables)
        parts = [self._node(depth) for _ in range(self._pick((1, 1, 2, 3)))]
        del self._variables[known:]
        return "".join(parts)

    def _node(self, depth: int) -> str:
        flat: tuple[Callable[[], str], ...] = (
            self._text,
            lambda: self._action(self._value("any", 1)),
            lambda: self._action(self._value("any", 2)),
            lambda: self._action(self._value("any", 3)),
            lambda: self._action(self._value("pipeline", 2)),
            self._declaration,
            self._assignment,
            self._jump,
            self._call,
            self._comment,
        )
        nested: tuple[Callable[[], str], ...] = (
            lambda: self._control("if", 0, depth),
            lambda: self._control("with", 1, depth),
            lambda: self._range(depth),
        )
        return self._pick((*flat, *nested) if depth > 0 else flat[:3])()

    def _text(self) -> str:
        return self._pick(("x", " ", "v-", "\n", " a ", "}}", "{ ", "é", "\t-", "", "\udcff", "-"))

    def _action(self, inside: str) -> str:
        opening = self._pick(("{{", "{{", "{{ ", "{{ ", "{{- ", "{{-\n", "{{\n", "{{-\t "))
        closing = self._pick(("}}", "}}", " }}", " }}", " -}}", "\n-}}", "\t}}", "  -}}"))
        return f"{opening}{inside}{'|' if self._one_in(60) else ''}{closing}"

    def _comment(self) -> str:
        inside = self._pick(("", " note ", "{{.X}}", "}}", "*", "\n"))
        if self._one_in(10):
            return (
                self._pick(("{{ /*", "{{-/*", "{{-  /*", "{{/*")) + inside + self._pick(("*/ }}", "*/-}}", "*/  -}}"))
            )
        return self._pick(("{{/*", "{{- /*", "{{-\n/*")) + inside + self._pick(("*/}}", "*/ -}}", "*/\n-}}"))

    def _declaration(self) -> str:
        name, kind = self._pick(("$x", "$y", "$_1", "$é")), self._pick(KINDS)
        made = self._action(f"{name}{self._pick((' := ', ':=', ' := ', ' = '))}{self._value(kind, 2)}")
        self._variables.append((name, kind))
        return made

    def _assignment(self) -> str:
        if not self._variables and not self._one_in(20):
            return self._declaration()
        name, kind = self._pick(self._variables or [("$nope", "text")])
        return self._action(f"{name} = {self._value(kind, 2)}")

    def _jump(self) -> str:
        return self._action(self._pick(("break", "continue"))) if self._loops or self._one_in(12) else self._text()

    def _control(self, word: str, rebound: int, depth: int) -> str:
        parts = [self._action(f"{word} {self._value('condition', 2)}"), self._inner(depth - 1, rebound)]
        for _ in range(self._pick((0, 0, 1, 2))):
            other = self._pick(("if", "with")) if self._one_in(9) else word
            parts += [self._action(f"else {other} {self._value('condition', 2)}"), self._inner(depth - 1, rebound)]
        return "".join([*parts, *self._otherwise(depth), self._action("end")])

    def _inner(self, depth: int, rebound: int) -> str:
        self._rebound += rebound
        body = self._body(depth)
        self._rebound -= rebound
        return body

    def _otherwise(self, depth: int) -> list[str]:
        return [self._action("else"), self._body(depth - 1)] if self._one_in(2) else []

    def _range(self, depth: int) -> str:
        over, known = self._value("range", 1), len(self._variables)
        names = self._pick(("", "", "$i := ", "$i := ", "$i = ", self._pick(("$i, $e := ", "$i, ", "$i,$i:="))))
        if names:
            self._variables.append(("$i", "integer"))
        self._loops += 1
        parts = [self._action(f"range {names}{over}"), self._inner(depth - 1, 1)]
        self._loops -= 1
        parts += self._otherwise(depth)
        del self._variables[known:]
        return "".join([*parts, self._action("end")])

    # --- templates in templates ---

    def _define(self, name: str) -> str:
        self._templates.append(name)
        return self._action(f"define {self._name(name)}") + self._apart(2)

    def _apart(self, depth: int) -> str:
        """A body with its end, which sees nothing of what is around it."""
        outer, self._variables, loops, self._loops = self._variables, [], self._loops, 0
        body = self._body(depth)
        self._variables, self._loops = outer, loops
        return body + self._action("end")

    def _name(self, name: str) -> str:
        return self._pick((f'"{name}"', f'"{name}"', f"`{name}`", f'"\\x{ord(name[0]):02x}{name[1:]}"'))

    def _call(self) -> str:
        value = self._pick(("", "$", ".", self._value("any", 1)))
        if self._one_in(3):
            return self._action(f"block {self._name(self._pick(('c', 'd')))} {value}") + self._apart(1)
        if not self._templates and not self._one_in(10):
            return self._text()
        name = self._pick(self._templates) if self._templates else "nope"
        return self._action(f"template {self._name(name)} {value}")
