"""kaniko engines for tests, whose settings leave nothing behind."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from image_builder_adapters.kaniko.container import OWN_FILES
from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.image_engine import EngineFactory

from tests.buildkit import RealTools
from tests.programs import require


def kaniko_environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment whose home, credentials and roots are all below ``folder``."""
    home, roots = folder / "home", folder / "roots"
    for made in (home, roots):
        made.mkdir(exist_ok=True)
    ours = {"HOME": str(home), "DOCKER_CONFIG": str(home), "TMPDIR": str(roots), "KANIKO_EXECUTOR": require("executor")}
    return {"PATH": os.environ["PATH"], **ours, **more}


@contextmanager
def kaniko_engine(
    environment: dict[str, str],
    *,
    log_format: str | None = None,
    user: int | None = None,
    own_files: tuple[str, ...] = OWN_FILES,
) -> Iterator[KanikoEngine]:
    """An engine for one build, by default of the user that runs the test."""
    settings = KanikoSettings(environment, log_format, True, os.geteuid() if user is None else user, own_files)
    registry = HttpRegistry(environment, Redactor(()))
    try:
        yield KanikoEngine(settings, registry)
    finally:
        registry.close()


class OwnRoot(RealTools):
    """Fixtures for the contracts: an engine that builds in roots of its own."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        return kaniko_environment(tmp_path)

    @pytest.fixture
    def make_engine(self, environment: dict[str, str]) -> Iterator[EngineFactory]:
        with kaniko_engine(environment) as engine:
            yield lambda _name: engine
