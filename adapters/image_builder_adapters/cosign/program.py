"""Running ``cosign``: with a time limit, heeding the cancellation, its output kept and never shown as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_adapters.cancellation import TimeLimit
from image_builder_adapters.cosign.output import reason_of
from image_builder_adapters.process import Command, CouldNotStart, Finished, Tail, run

LONGEST_RUN_SECONDS: Final = 180.0
"""For one run of the program that talks to others."""

_LOCAL_SECONDS: Final = 30.0
# An image that was signed a thousand times has as many entries, all in one line.
_LARGEST_OUTPUT: Final = 8 * 1024 * 1024


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """It ended by itself. ``lines`` is the end of its output, errors and results in the order they were written."""

    code: int
    lines: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is not so, or not known; ``transient`` when another attempt may do better."""

    reason: str
    transient: bool = False


def run_cosign(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    cancellation: Cancellation,
    descriptors: tuple[int, ...] = (),
    data: bytes = b"",
) -> Ended | Trouble:
    """How it ended, or why there is no end that counts; ``data`` is its standard input."""
    tail = Tail(_nobody, _LARGEST_OUTPUT)
    limit = TimeLimit(LONGEST_RUN_SECONDS, cancellation)
    ending = run(Command(arguments, environment, descriptors=descriptors, input=data), tail, limit)
    what = " ".join(arguments[:2])
    if isinstance(ending, Finished) and ending.code < 0:
        reason = f"killed by signal {-ending.code}, perhaps for want of memory; it is safe to run again"
        return Trouble(f"{what}: {reason}", transient=True)
    if isinstance(ending, Finished):
        return Ended(ending.code, tail.lines())
    if isinstance(ending, CouldNotStart):
        return Trouble(str(ending))
    if cancellation.reason() is not None:
        return stopped(cancellation)
    return Trouble(f"{what}: no end within {LONGEST_RUN_SECONDS:g} s; signing is safe to run again", transient=True)


def run_locally(arguments: tuple[str, ...], environment: Mapping[str, str]) -> Result[tuple[str, ...], str]:
    """The output of a command that asks nobody, or why it failed; takes at most half a minute."""
    tail = Tail(_nobody)
    ending = run(Command(arguments, environment), tail, TimeLimit(_LOCAL_SECONDS))
    if ending == Finished(0):
        return Success(tail.lines())
    return Failure(reason_of(tail.lines()) if isinstance(ending, Finished) else f"no end within {_LOCAL_SECONDS:g} s")


def stopped(cancellation: Cancellation) -> Trouble:
    """Work had to stop."""
    reason = cancellation.reason()
    name = reason.name.lower() if reason is not None else "stopped"
    return Trouble(f"stopped ({name}); signing is safe to run again", transient=True)


def _nobody(_: bytes) -> None:
    """Output that only its end matters of."""
