"""Commands that steps print for the agent: ``##vso[area.action key=value;key=value]text``, anywhere in a line.

Source: Microsoft's documentation, "Logging commands", and the agent's source for the escapes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

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
