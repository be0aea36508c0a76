"""Check for ``doctor`` what BuildKit needs: programs, the daemon of this side, a private one."""

import tempfile
from collections.abc import Iterator
from typing import Final

from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation

from image_builder_adapters.buildkit.daemonless import DAEMONLESS
from image_builder_adapters.buildkit.engine import HELPERS, BuildkitSettings
from image_builder_adapters.buildkit.environment import client_environment
from image_builder_adapters.buildkit.isolation import find_isolation, missing_helper
from image_builder_adapters.cancellation import TimeLimit
from image_builder_adapters.process import Command, CouldNotStart, Finished, find_program, run
from image_builder_adapters.process_output import Tail
from image_builder_adapters.program_version import Program, program_finding

AREA: Final = "engine buildkit"
_SECONDS: Final = 10.0
_INSTALL: Final = "install BuildKit (https://github.com/moby/buildkit/releases) and put it on PATH"
_OR_A_HOST: Final = "set BUILDKIT_HOST to a BuildKit that runs already"


def examine_buildkit(settings: BuildkitSettings, cancellation: Cancellation) -> tuple[Finding, ...]:
    """Each finding as needed as the way in which BuildKit would be reached makes it; builds nothing."""
    host = settings.daemon.address
    environment, is_private = settings.environment, host is None

    def look(program: Program, *, is_needed: bool) -> Finding:
        return program_finding(program, AREA, environment, cancellation, is_needed=is_needed)

    found = [look(Program("buildctl", remedy=_INSTALL), is_needed=True)]
    found.append(look(Program("buildkitd", remedy=f"{_INSTALL}, or {_OR_A_HOST}"), is_needed=is_private))
    runc = "buildkit-runc" if find_program("runc", environment) is None else "runc"
    runc = runc if find_program(runc, environment) is not None else "runc"
    found.append(look(Program(runc, remedy=f"install the package runc, or {_OR_A_HOST}"), is_needed=is_private))
    found.append(look(Program(DAEMONLESS, (), "needed by nobody: a private buildkitd does the same"), is_needed=False))
    found += [_private_root(settings)] if host is None else list(_reached(settings, host, cancellation))
    found += [Finding(AREA, settings.daemon.source, warning, is_good=False) for warning in settings.daemon.warnings]
    return tuple(found)


def _private_root(settings: BuildkitSettings) -> Finding:
    """Whether a daemon of ours could run steps; tried with a program that does nothing."""
    subject, remedy = "private root", f"run in a privileged container or in none, or {_OR_A_HOST}"
    lacking = missing_helper(settings.environment, settings.user)
    if lacking is not None:
        return Finding(AREA, subject, str(lacking), False, True, f"mend that, or {_OR_A_HOST}")
    with tempfile.TemporaryDirectory(prefix="image-builder-", dir=settings.environment.get("TMPDIR")) as folder:
        isolation = find_isolation(settings.environment, settings.user, folder)
    if isolation is None:
        return Finding(AREA, subject, "root may not mount anything here", False, True, remedy)
    shown = isolation.wrapper[0].rpartition("/")[2] if isolation.wrapper else "without namespaces of its own"
    return Finding(AREA, subject, f"possible ({shown})", is_needed=True)


def _reached(settings: BuildkitSettings, host: str, cancellation: Cancellation) -> Iterator[Finding]:
    """The daemon at ``host``, asked for its workers, and the program through which buildctl gets there."""
    source, scheme = settings.daemon.source, host.partition("://")[0]
    if scheme in HELPERS:
        helper = Program(HELPERS[scheme], (), f"install it: {source} is reached through it")
        yield program_finding(helper, AREA, settings.environment, cancellation)
    tls = settings.environment.get("BUILDKIT_TLS_DIR")
    words = ("buildctl", "--addr", host, *(("--tlsdir", tls) if tls else ()), "debug", "workers")
    tail, limit = Tail(lambda _: None), TimeLimit(_SECONDS, cancellation)
    ending = run(Command(words, client_environment(settings.environment)), tail, limit)
    if ending == Finished(0):
        yield Finding(AREA, source, f"{host} answers", is_needed=True)
        return
    lines = [line for line in tail.lines() if line.strip()]
    why = str(ending) if isinstance(ending, CouldNotStart) else lines[-1] if lines else f"no answer in {_SECONDS:g} s"
    remedy = f"check {source} and, for tcp, BUILDKIT_TLS_DIR"
    yield Finding(AREA, source, f"{host} cannot be reached: {why}", False, True, remedy)
