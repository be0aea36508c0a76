"""What ``doctor`` checks for the engine ``buildkit``: its programs, and the daemon that a build would use."""

import tempfile
from collections.abc import Iterator
from typing import Final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation

from image_builder_adapters.buildkit.daemonless import DAEMONLESS
from image_builder_adapters.buildkit.engine import HELPERS, INSTALL, RUNC, BuildkitSettings
from image_builder_adapters.buildkit.environment import client_environment
from image_builder_adapters.buildkit.isolation import find_isolation, missing_helper
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.process import Command, CouldNotStart, Finished, Tail, find_program, run
from image_builder_adapters.program_version import Program, program_finding

_AREA: Final = "engine buildkit"
_SECONDS: Final = 10.0
_OR_A_HOST: Final = "set BUILDKIT_HOST to a running BuildKit"


def examine_buildkit(settings: BuildkitSettings, cancellation: Cancellation) -> tuple[Finding, ...]:
    """Findings about the programs and about the daemon that a build would use, or a private one. Builds nothing."""
    host, environment = settings.daemon.address, settings.environment
    is_private = host is None
    runc = next((name for name in RUNC if find_program(name, environment)), RUNC[0])
    programs = (
        (Program("buildctl", remedy=INSTALL), True),
        (Program("buildkitd", remedy=f"{INSTALL}, or {_OR_A_HOST}"), is_private),
        (Program(runc, remedy=f"install the package runc, or {_OR_A_HOST}"), is_private),
        (Program(DAEMONLESS, (), "optional: a private buildkitd does the same"), False),
    )
    return (
        *(
            program_finding(program, _AREA, environment, cancellation, is_needed=is_needed)
            for program, is_needed in programs
        ),
        *([_private_root(settings)] if host is None else _reached(settings, host, cancellation)),
        *(Finding(_AREA, settings.daemon.source, warning, is_good=False) for warning in settings.daemon.warnings),
    )


def _private_root(settings: BuildkitSettings) -> Finding:
    """Whether a private daemon could run steps, tried with a program that does nothing."""
    subject, remedy = "private root", f"run in a privileged container or in none, or {_OR_A_HOST}"
    missing = missing_helper(settings.environment, settings.user)
    if missing is not None:
        return Finding(_AREA, subject, str(missing), False, True, f"fix that, or {_OR_A_HOST}")
    with tempfile.TemporaryDirectory(prefix="image-builder-", dir=settings.environment.get("TMPDIR")) as folder:
        isolation = find_isolation(settings.environment, settings.user, folder)
    if isolation is None:
        return Finding(_AREA, subject, "root may not mount anything here", False, True, remedy)
    shown = isolation.wrapper[0].rpartition("/")[2] if isolation.wrapper else "without namespaces of its own"
    return Finding(_AREA, subject, f"possible ({shown})", is_needed=True)


def _reached(settings: BuildkitSettings, host: str, cancellation: Cancellation) -> Iterator[Finding]:
    """Whether the daemon at ``host`` lists its workers, and the program that ``buildctl`` needs to connect to it."""
    source, scheme = settings.daemon.source, host.partition("://")[0]
    if scheme in HELPERS:
        helper = Program(HELPERS[scheme], (), f"install it: buildctl connects to {source} through it")
        yield program_finding(helper, _AREA, settings.environment, cancellation)
    tls = settings.environment.get("BUILDKIT_TLS_DIR")
    words = ("buildctl", "--addr", host, *(("--tlsdir", tls) if tls else ()), "debug", "workers")
    tail, limit = Tail(lambda _: None), ScopedCancellation(cancellation, _SECONDS)
    ending = run(Command(words, client_environment(settings.environment)), tail, limit)
    if ending == Finished(0):
        yield Finding(_AREA, source, f"{host} answers", is_needed=True)
        return
    lines = [line for line in tail.lines() if line.strip()]
    why = str(ending) if isinstance(ending, CouldNotStart) else lines[-1] if lines else f"no answer in {_SECONDS:g} s"
    remedy = f"check {source} and, for tcp, BUILDKIT_TLS_DIR"
    yield Finding(_AREA, source, f"{host} cannot be reached: {why}", False, True, remedy)
