"""The daemon of a job, decided once from ``engines.buildkit``, ``BUILDKIT_HOST`` and the side of the job.

A build can read what another one has left in the daemon: layers, cache mounts, and the files of a build context. So
each side has a daemon of its own, unless the administrators configure a shared one (specification, "What the sides must
not share").
"""

from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.build import BuildRequest
from image_builder_domain.engine_type import EngineCircumstances
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.trust.side import Side
from returns.result import Failure, Result, Success

from image_builder_adapters.buildkit.address import canonical
from image_builder_adapters.buildkit.command import NAMESPACE_ARGUMENT, refusal
from image_builder_adapters.buildkit.frontend import (
    SYNTAX_ARGUMENT,
    frontend_image,
    is_dockerfile_frontend,
    named_frontends,
)

VARIABLE: Final = "BUILDKIT_HOST"
HOST: Final = "engines.buildkit.host"
DEV_HOST: Final = "engines.buildkit.dev-host"
SHARED: Final = "engines.buildkit.shared"

_BOTH: Final = f"set {HOST} and {DEV_HOST} to two daemons"


@final
@dataclass(frozen=True, slots=True)
class BuildkitKeys:
    """The key ``engines.buildkit`` (an ``EngineSettings``): an address for each side, and whether they share one."""

    host: str | None = None
    dev_host: str | None = None
    shared: bool = False

    def refusal(self, request: BuildRequest) -> str | None:
        """Implement ``EngineSettings.refusal``."""
        return refusal(request)


@final
@dataclass(frozen=True, slots=True)
class BuildkitHost:
    """The daemon of one job (an ``EngineSettings``), made by :func:`decide_buildkit_host`.

    ``address`` is None for a private daemon of the run. ``source`` is the key or variable of the address, or empty.
    ``is_shared``: the other side builds there, too.
    """

    address: str | None
    source: str
    side: Side
    is_shared: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def is_cacheless(self) -> bool:
        """True if the build may use nothing that an earlier one left in the daemon: for production in a shared one."""
        return self.is_shared and self.side.is_production

    @property
    def why(self) -> str:
        """The source of the address, and what follows for the build."""
        if self.address is None:
            return "no address is set"
        return f"{self.source}; shared, so production builds without cache" if self.is_cacheless else self.source

    def refusal(self, request: BuildRequest) -> str | None:
        """Why the request is refused: it exceeds BuildKit's limits, or would undo the separation of the sides."""
        if self.is_shared:
            for argument in request.arguments:
                if argument.name == NAMESPACE_ARGUMENT:
                    return f"the build argument {NAMESPACE_ARGUMENT} is not allowed with {SHARED}"
                if argument.name == SYNTAX_ARGUMENT and not is_dockerfile_frontend(frontend_image(argument.value)):
                    return f"the build argument {argument} names another frontend, which {SHARED} does not allow"
        return refusal(request)


def decide_buildkit_host(keys: BuildkitKeys, around: EngineCircumstances) -> Result[BuildkitHost, Problems]:
    """The daemon for one job, or why the job must not use it.

    A key of the job's side takes precedence over ``BUILDKIT_HOST``. Outside CI only the variable counts.
    """
    side, variable = around.side, around.environment.get(VARIABLE, "")
    configured = {Side.PRODUCTION: (keys.host, HOST), Side.UNMERGED: (keys.dev_host, DEV_HOST)}
    address, source = configured.get(side, (None, ""))
    if address is None:
        address, source = variable or None, VARIABLE if variable else ""
    if address is None:
        return Success(BuildkitHost(None, "", side))
    if keys.shared:
        frontends = named_frontends(around.dockerfile)
        wrong = tuple(_foreign_frontend(image) for image in frontends if not is_dockerfile_frontend(image))
        return Failure(wrong) if wrong else Success(BuildkitHost(address, source, side, True))
    other, key = (keys.dev_host, DEV_HOST) if side.is_production else (keys.host, HOST)
    if other is not None and canonical(address, around.real_paths) == canonical(other, around.real_paths):
        return _one_daemon(address, source, key, side)
    alone = keys.host is None and keys.dev_host is None and side is not Side.LOCAL
    return Success(BuildkitHost(address, source, side, warnings=(_ALONE,) if alone else ()))


_ALONE: Final = (
    f"{VARIABLE} alone serves production and unmerged code: each build can read what others leave in cache mounts; "
    + _BOTH
)


def _one_daemon(address: str, source: str, key: str, side: Side) -> Result[BuildkitHost, Problems]:
    theirs = "unmerged code" if side.is_production else "production"
    what = f"{address} is also the BuildKit of {theirs} ({key}), and this job is on the {side.value} side"
    return refuse(source, what, f"{_BOTH}, or {SHARED} to true: production then builds without cache")


def _foreign_frontend(image: str) -> Problem:
    what = f"the Dockerfile names the frontend {image!r}, and {SHARED} allows docker/dockerfile alone"
    return Problem("# syntax=", what, f"name docker/dockerfile, or {_BOTH}")
