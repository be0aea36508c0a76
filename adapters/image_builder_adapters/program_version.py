"""An installed program: its path and its version."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.process import Command, Finished, Tail, find_program, run

_SECONDS: Final = 10.0
# "runc version 1.1", "GitVersion:    v3.1", "Kaniko version :  v1.27"; else the first text that looks like a version.
_LABELLED: Final = re.compile(r"version(?::|\s)[\s:]*([0-9A-Za-z.+~-]+)", re.IGNORECASE)
_VERSION: Final = re.compile(r"\b(v?[0-9]+\.[0-9]+[0-9A-Za-z.+~-]*)")


@final
@dataclass(frozen=True, slots=True)
class Program:
    """A program that ``doctor`` checks: its name on ``PATH`` (or path), and the arguments that print its version.

    Without ``words`` it is not started, because it has no such arguments and would begin its work.
    """

    name: str
    words: tuple[str, ...] = ("--version",)
    remedy: str = "install it, and put it on PATH"


def program_finding(
    program: Program, area: str, environment: Mapping[str, str], cancellation: Cancellation, *, is_needed: bool = True
) -> Finding:
    """The finding of ``doctor`` about a program, which gets only ``PATH`` of the environment, and 10 s."""
    path = find_program(program.name, environment)
    if path is None:
        return Finding(area, program.name, "not found", False, is_needed, program.remedy)
    version = program_version(path, program.words, environment, cancellation) if program.words else ""
    return Finding(area, program.name, f"{path}{f' ({version})' if version else ''}", is_needed=is_needed)


def program_version(
    path: str, words: tuple[str, ...], environment: Mapping[str, str], cancellation: Cancellation
) -> str:
    """The version that it prints, as :func:`version_in` finds it. Empty if it fails."""
    own = {name: environment[name] for name in ("PATH", "TMPDIR") if name in environment}
    tail = Tail(lambda _: None)
    ending = run(Command((path, *words), own), tail, ScopedCancellation(cancellation, _SECONDS))
    return version_in("\n".join(tail.lines())) if ending == Finished(0) else ""


def version_in(text: str) -> str:
    """The version in a program's output, else the first text that looks like one, else empty."""
    match = _LABELLED.search(text) or _VERSION.search(text)
    return match[1] if match else ""
