"""How the service is told to misbehave.

A fault is a value; an :class:`Injection` says on which operations, how often, and after how many ordinary answers it
happens. ``image_builder_stand_ins.azure_devops.faults`` has every fault that is known of the real service,
by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_stand_ins.azure_devops.answer import Answer
from image_builder_stand_ins.azure_devops.request import Operation, Request


@final
@dataclass(frozen=True, slots=True)
class Replace:
    """Answer this instead of doing the work."""

    answer: Answer


@final
@dataclass(frozen=True, slots=True)
class Amend:
    """Do the work, then answer what ``change`` makes of the request and the answer."""

    change: Callable[[Request, Answer], Answer]


@final
@dataclass(frozen=True, slots=True)
class HangUp:
    """Read the request, then close the connection without a word; nothing was done."""


@final
@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """Do the work, then close the connection without a word."""


@final
@dataclass(frozen=True, slots=True)
class Cut:
    """Do the work, announce the whole answer, send only its first bytes."""

    sent: int = 16


@final
@dataclass(frozen=True, slots=True)
class Stall:
    """Wait so many seconds (or until the service stops), then do the work after all."""

    seconds: float


@final
@dataclass(frozen=True, slots=True)
class RevokeTokens:
    """Before the work, every bearer token that was issued so far ends."""


Fault: TypeAlias = Replace | Amend | HangUp | LoseAnswer | Cut | Stall | RevokeTokens


@final
@dataclass(frozen=True, slots=True)
class Injection:
    """A fault and where it strikes. No operations: everywhere but at the token endpoint. No times: for ever.

    ``after`` ordinary answers (of those operations) come first.
    """

    fault: Fault
    on: frozenset[Operation] = frozenset()
    times: int | None = 1
    after: int = 0

    def strikes(self, operation: Operation) -> bool:
        """Whether this operation is meant."""
        return operation in self.on if self.on else operation is not Operation.TOKEN
