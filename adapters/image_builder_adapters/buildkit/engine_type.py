"""The engine ``buildkit``, to which its entry point leads. The engine's own modules are imported when it is made."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import (
    EngineCircumstances,
    EngineDecision,
    EngineSurroundings,
    EngineTraits,
    EngineType,
)
from image_builder_domain.ports import Cancellation
from image_builder_domain.problem import Problems
from returns.result import Result

from image_builder_adapters.buildkit.address import parse_address, socket_path
from image_builder_adapters.buildkit.host import VARIABLE, BuildkitHost, BuildkitKeys, decide_buildkit_host

if TYPE_CHECKING:
    from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings

_ADDRESS: Final = read.plain_text.parsed(parse_address, "write what buildctl --addr takes")


def _keys(values: dict[str, Any]) -> BuildkitKeys:
    return BuildkitKeys(values.get("host"), values.get("dev-host"), values.get("shared", False))


_CONFIG: Final = read.fields(
    {
        "host": _ADDRESS.about("The address of the BuildKit that builds production images."),
        "dev-host": _ADDRESS.about("The address of the BuildKit that builds unmerged code; another daemon."),
        "shared": read.boolean.about(
            "Whether both build in one daemon all the same: production then builds without cache.", default=False
        ),
    }
).into(_keys)


def _paths(keys: BuildkitKeys, environment: Mapping[str, str]) -> Iterable[str]:
    """The paths of the sockets in all addresses, which the caller resolves to recognise two paths of one socket."""
    for address in (keys.host, keys.dev_host, environment.get(VARIABLE)):
        path = socket_path(address) if address else None
        if path is not None:
            yield path


def _decide(keys: BuildkitKeys, around: EngineCircumstances) -> Result[EngineDecision, Problems]:
    return decide_buildkit_host(keys, around).map(_decision)


def _decision(host: BuildkitHost) -> EngineDecision:
    return EngineDecision(
        host,
        host.warnings,
        without_cache=host.is_cacheless,
        summary=f"{host.address or 'a daemon of this run'} ({host.why})",
        facts={"address": host.address, "why": host.why, "shared": host.is_shared},
    )


def _make(settings: BuildkitHost, around: EngineSurroundings) -> "BuildkitEngine":
    from image_builder_adapters.buildkit.engine import BuildkitEngine

    return BuildkitEngine(_own(settings, around))


def _examine(settings: BuildkitHost, around: EngineSurroundings, cancellation: Cancellation) -> tuple[Finding, ...]:
    from image_builder_adapters.buildkit.examination import examine_buildkit

    return examine_buildkit(_own(settings, around), cancellation)


def _own(settings: object, around: EngineSurroundings) -> "BuildkitSettings":
    """``settings`` are a :class:`BuildkitHost`, unless ``doctor`` runs in a job that it does not recognise."""
    from image_builder_adapters.buildkit.engine import BuildkitSettings

    return BuildkitSettings(
        environment=around.environment,
        state_directory=around.state_directory,
        daemon_log=os.path.join(around.log_directory, "buildkitd.log"),
        single_build=around.single_build,
        user=around.user,
        redact=around.secrets.data,
        learn=around.secrets.learn,
        host=settings if isinstance(settings, BuildkitHost) else None,
    )


BUILDKIT: Final = EngineType(
    _CONFIG.about("Which BuildKit builds for which side."),
    _make,
    _examine,
    EngineTraits("BuildKit", caches_all_layers=True),
    _paths,
    _decide,
)
