"""Vertices as steps of the Dockerfile; pure.

BuildKit's Dockerfile frontend names a step ``[PLATFORM STAGE NUMBER/TOTAL] INSTRUCTION``, where platform and stage may
be missing. Everything else, such as ``[internal] load build context``, is not a step. ``FROM`` is not one either,
though it counts in the numbers.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from image_builder_domain.build_steps import BuildSteps, BuildWarning, FailurePlace, Step

from image_builder_adapters.buildkit.progress_vertex import Vertex

_STEP: Final = re.compile(r"\[(?:(\S*/\S*) )??(?:([^\s\]/]+) )?(\d{1,6})/(\d{1,6})\] (.*)", re.DOTALL)
_FROM: Final = "FROM "
_NOT_FOUND: Final = ": not found"
_LONGEST_NAME: Final = 300
_Place = TypeVar("_Place", BuildWarning, FailurePlace)


def steps_of(vertices: Iterable[Vertex]) -> tuple[Step, ...]:
    """The steps, stage by stage, each stage after those that it needs, where BuildKit named them together.

    Builds at the same time make BuildKit list a step twice; the one that never started is left out.
    """
    found = [step for vertex in sorted(vertices, key=lambda each: each.order) if (step := _step(vertex)) is not None]
    ran = {(step.position, step.name) for step in found if step.duration_seconds is not None}
    kept = [step for step in found if step.duration_seconds is not None or (step.position, step.name) not in ran]
    ends = {(step.platform, step.stage): place for place, step in enumerate(kept)}
    return tuple(sorted(kept, key=lambda step: (ends[step.platform, step.stage], step.number)))


def cache_warnings(vertices: Iterable[Vertex]) -> Iterator[BuildWarning]:
    """Why a cache was not read or written, which fails no build. A missing cache is not worth a warning."""
    for vertex in vertices:
        if vertex.is_cache and vertex.has_failed and not vertex.error.endswith(_NOT_FOUND):
            yield BuildWarning(f"{vertex.name}: {vertex.error}"[:1000])


def with_path(steps: BuildSteps, dockerfile: str) -> BuildSteps:
    """The same, with the Dockerfile's path where BuildKit names the file alone."""
    name = posixpath.basename(dockerfile)

    def located(place: _Place) -> _Place:
        return replace(place, file=dockerfile) if place.file == name else place

    place = steps.failed_at
    return replace(
        steps,
        warnings=tuple(map(located, steps.warnings)),
        failed_at=None if place is None else located(place),
    )


def described(name: str) -> str:
    """A vertex's name as one short line."""
    line = " ".join(name.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME]}…"


def _step(vertex: Vertex) -> Step | None:
    match = _STEP.fullmatch(vertex.name)
    if match is None or match[5].startswith(_FROM):
        return None
    is_done = vertex.is_complete and not vertex.error
    return Step(
        name=described(match[5]),
        number=int(match[3]),
        total=int(match[4]),
        stage=match[2] or "",
        platform=match[1] or "",
        is_cached=True if vertex.is_cached else False if is_done else None,
        duration_seconds=None if vertex.started is None else round(vertex.duration, 3),
        error=vertex.error[:1000] if vertex.has_failed else "",
    )
