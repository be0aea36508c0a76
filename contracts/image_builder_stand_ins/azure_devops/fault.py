"""Faults that tests inject, and what named faults are made of.

A fault is a value; an :class:`Injection` says on which operations, how often, and after how many ordinary answers it
happens. ``image_builder_stand_ins.azure_devops.faults`` has every fault that is known of the real service,
by name.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_stand_ins.azure_devops.message import Answer, Operation, Request, error, html_answer
from image_builder_stand_ins.azure_devops.representation import Place


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


READS = frozenset({Operation.GET_RUN, Operation.GET_BUILD, Operation.TIMELINE, Operation.LIST_LOGS, Operation.GET_LOG})
LISTS = (Operation.LIST_RUNS, Operation.LIST_BUILDS, Operation.LIST_LOGS)
STATES = (Operation.GET_RUN, Operation.GET_BUILD)
BLOCKED = (
    "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource "
    "'Concurrency' in namespace 'User'. For more information on why your request was blocked, see the topic "
    '"Rate limits" on the Microsoft Web site.'
)


@final
@dataclass(frozen=True, slots=True)
class Named:
    """A fault with a name: what it is, and how it is made for a service at a place."""

    what: str
    make: Callable[[Place], tuple[Injection, ...]]


def front_door(status: int = 503) -> Answer:
    """The page of the front door during an outage."""
    page = (
        "<!DOCTYPE html>\r\n<html><head><title>Visual Studio Team Services Unavailable</title></head>"
        "<body><h2>Sorry! Our services aren't available right now.</h2></body></html>\r\n"
    )
    return html_answer(status, page, (("Server", "Microsoft-IIS/10.0"),))


def rate_limit(retry_after: str) -> tuple[tuple[str, str], ...]:
    """The headers of throttling; ``retry_after`` is seconds or an HTTP date."""
    return (
        ("Retry-After", retry_after),
        ("X-RateLimit-Resource", "Core"),
        ("X-RateLimit-Delay", "1.250"),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", str(int(time.time()) + 60)),
    )


def throttled(retry_after: str = "1") -> Answer:
    """429 with the words of the service."""
    return error(429, "RequestBlockedException", BLOCKED, rate_limit(retry_after))


def once(what: str, fault: Fault, *on: Operation, times: int | None = 1, after: int = 0) -> Named:
    """A fault that passes."""
    return Named(what, lambda _: (Injection(fault, frozenset(on), times, after),))


def always(what: str, fault: Fault, *on: Operation) -> Named:
    """A fault that stays."""
    return once(what, fault, *on, times=None)
