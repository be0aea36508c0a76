"""The image engine contracts, kept by the real kaniko, each build in a root of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from image_builder_contracts.dockerfile_engine import CachingEngineContract, DockerfileEngineContract
from image_builder_contracts.image_engine import EngineFactory

from tests.buildkit import running_registry
from tests.kaniko import kaniko_engine, kaniko_environment
from tests.programs import require


class OwnRoot:
    """Fixtures for the contracts."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[str]:
        with running_registry(tmp_path) as address:
            yield address

    @pytest.fixture
    def busybox(self) -> str:
        return require("busybox")

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        return kaniko_environment(tmp_path)

    @pytest.fixture
    def make_engine(self, environment: dict[str, str]) -> Iterator[EngineFactory]:
        with kaniko_engine(environment) as engine:
            yield lambda _name: engine


class TestKaniko(OwnRoot, DockerfileEngineContract):
    """What every engine keeps."""


class TestKanikoCache(OwnRoot, CachingEngineContract):
    """What engines keep that have a layer cache in a registry."""
