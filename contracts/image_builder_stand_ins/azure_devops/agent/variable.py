"""The variables of a run on an agent, and the commands by which steps set them.

Variables have values, may be secrets, and stand in texts as ``$(macros)``. Commands are lines that a step prints:
``##vso[area.action key=value;key=value]text``, anywhere in a line. Source: Microsoft's documentation, "Logging
commands", and the agent's source for the escapes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

MASK = "***"
_MACRO = re.compile(r"\$\(([A-Za-z0-9_.\- ]+)\)")
_DEEPEST = 50


@final
@dataclass(frozen=True, slots=True)
class Variable:
    """A value of a variable group; secrets are hidden in logs and not in the environment of steps."""

    value: str = field(repr=False)
    secret: bool = False


@final
class Variables:
    """Names are compared without regard to case. Not thread-safe: one agent, one thread."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, Variable]] = {}
        self._masks: set[str] = set()

    def put(self, name: str, variable: Variable) -> None:
        """Set a variable; the value of a secret is hidden from now on."""
        self._found[name.lower()] = (name, variable)
        if variable.secret:
            self.hide(variable.value)

    def get(self, name: str) -> str:
        """A variable's value, with macros worked out; nothing for an unknown one."""
        found = self._found.get(name.lower())
        return "" if found is None else self.expand(found[1].value)

    def hide(self, secret: str) -> None:
        """Hide a text in everything that is logged, each of its lines on its own too."""
        for part in (secret, *secret.splitlines()):
            if part.strip():
                self._masks.add(part)

    def masked(self, text: str) -> str:
        """The text with every secret replaced; longer ones first, so that no rest of one shows."""
        for secret in sorted(self._masks, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def expand(self, text: str, depth: int = 0) -> str:
        """Replace ``$(name)`` of every known variable; an unknown one stays as it is written."""
        if depth > _DEEPEST:
            return text

        def value(match: re.Match[str]) -> str:
            found = self._found.get(match[1].lower())
            return match[0] if found is None else self.expand(found[1].value, depth + 1)

        return _MACRO.sub(value, text)

    def exported(self) -> dict[str, str]:
        """What steps find in their environment: no secrets, names in capitals with ``_`` for ``.`` and blanks."""
        return {
            name.upper().replace(".", "_").replace(" ", "_"): self.expand(variable.value)
            for name, variable in self._found.values()
            if not variable.secret
        }

    def object(self) -> Mapping[str, str]:
        """``variables`` in conditions."""
        return {name: self.get(name) for name, _ in self._found.values()}


_COMMAND = re.compile(r"##vso\[([A-Za-z]+\.[A-Za-z]+)([^\]]*)\](.*)")
_ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))
RESTRICTED = frozenset({"task.setvariable", "task.setsecret", "task.logissue", "task.logdetail", "task.setprogress"})
"""What a step may still say whose target has ``commands: restricted``."""


@final
@dataclass(frozen=True, slots=True)
class AgentCommand:
    """One command; its name is in lower case."""

    name: str
    properties: Mapping[str, str]
    text: str

    @classmethod
    def find(cls, line: str) -> "AgentCommand | None":
        """The command of a line, if there is one."""
        found = _COMMAND.search(line)
        if found is None:
            return None
        parts = (part.partition("=") for part in found[2].split(";") if "=" in part)
        properties = {name.strip().lower(): _plain(value) for name, _, value in parts}
        return cls(found[1].lower(), properties, _plain(found[3]))

    def flag(self, name: str) -> bool:
        """Whether a property says true."""
        return self.properties.get(name, "").lower() == "true"


def _plain(text: str) -> str:
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text
