"""What kaniko needs here, looked at for ``doctor``: its executor, and a root that it may overwrite."""

import tempfile
from typing import Final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation

from image_builder_adapters.cancellation import TimeLimit
from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings
from image_builder_adapters.kaniko.own_root import NoOwnRoot, run_in_own_root
from image_builder_adapters.program_version import program_version

AREA: Final = "engine kaniko"
_SECONDS: Final = 20.0
_INSTALL: Final = "set KANIKO_EXECUTOR to the path of kaniko's executor, or run in an image that has it"
_ELSEWHERE: Final = "run in kaniko's image, or set USE_BUILDKIT=true"


def examine_kaniko(engine: KanikoEngine, settings: KanikoSettings, cancellation: Cancellation) -> tuple[Finding, ...]:
    """The executor with its version, and the root: tried with the executor's help text, builds nothing."""
    if not engine.has_executor:
        missing = Finding(AREA, "executor", f"{engine.executor} is no program", False, True, _INSTALL)
        return (missing, Finding(AREA, "private root", "not tried without the executor", False))
    version = program_version(engine.executor, ("version",), settings.environment, cancellation)
    shown = f"{engine.executor} ({version or 'it tells no version'})"
    return (Finding(AREA, "executor", shown, is_needed=True), _root(engine, settings, cancellation))


def _root(engine: KanikoEngine, settings: KanikoSettings, cancellation: Cancellation) -> Finding:
    if engine.is_in_container:
        return Finding(AREA, "root", "this container's own, which is there to be overwritten", is_needed=True)
    ready = engine.check()
    reason = ready.swap().map(str).value_or("")
    if not reason:
        reason = _tried(engine.executor, settings, TimeLimit(_SECONDS, cancellation))
    if reason:
        return Finding(AREA, "private root", f"not possible: {reason}", False, True, _ELSEWHERE)
    return Finding(AREA, "private root", "possible", is_needed=True)


def _tried(executor: str, settings: KanikoSettings, cancellation: Cancellation) -> str:
    with tempfile.TemporaryDirectory(prefix="image-builder-", dir=settings.environment.get("TMPDIR")) as context:
        ran = run_in_own_root(
            executor, ("--help",), context, settings.environment, settings.user, lambda _: None, cancellation
        )
    return ran.reason if isinstance(ran, NoOwnRoot) else ""
