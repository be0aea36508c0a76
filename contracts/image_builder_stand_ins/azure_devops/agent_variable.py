"""The variables of a run on an agent: values, secrets, ``$(macros)``, what steps see of them, and what logs hide."""

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
