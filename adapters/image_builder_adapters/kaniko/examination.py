"""What ``doctor`` checks for the engine ``kaniko``: its executor, and a root that it may overwrite."""

import tempfile
from typing import Final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.kaniko.engine import ELSEWHERE, INSTALL, KanikoEngine, KanikoSettings
from image_builder_adapters.kaniko.own_root import NoOwnRoot, run_in_own_root
from image_builder_adapters.program_version import program_version

_AREA: Final = "engine kaniko"
_SECONDS: Final = 20.0


def examine_kaniko(engine: KanikoEngine, settings: KanikoSettings, cancellation: Cancellation) -> tuple[Finding, ...]:
    """The executor with its version, and the root, tried with the executor's help text. Builds nothing."""
    if not engine.has_executor:
        missing = Finding(_AREA, "executor", f"{engine.executor} is not a program", False, True, INSTALL)
        return (missing, Finding(_AREA, "private root", "not tried without the executor", False))
    version = program_version(engine.executor, ("version",), settings.environment, cancellation)
    shown = f"{engine.executor} ({version or 'version unknown'})"
    return (Finding(_AREA, "executor", shown, is_needed=True), _root(engine, settings, cancellation))


def _root(engine: KanikoEngine, settings: KanikoSettings, cancellation: Cancellation) -> Finding:
    if engine.is_in_container:
        return Finding(_AREA, "root", "this container's own, which kaniko may overwrite", is_needed=True)
    reason = engine.check().swap().map(str).value_or("")
    if not reason:
        reason = _refusal(engine.executor, settings, ScopedCancellation(cancellation, _SECONDS))
    if reason:
        return Finding(_AREA, "private root", f"not possible: {reason}", False, True, ELSEWHERE)
    return Finding(_AREA, "private root", "possible", is_needed=True)


def _refusal(executor: str, settings: KanikoSettings, cancellation: Cancellation) -> str:
    with tempfile.TemporaryDirectory(prefix="image-builder-", dir=settings.environment.get("TMPDIR")) as context:
        ran = run_in_own_root(
            executor, ("--help",), context, settings.environment, settings.user, lambda _: None, cancellation
        )
    return ran.reason if isinstance(ran, NoOwnRoot) else ""
