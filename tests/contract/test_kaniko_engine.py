"""The image engine contracts, with the real kaniko, each build in a root of its own."""

from image_builder_contracts.dockerfile_engine import CachingEngineContract, DockerfileEngineContract

from tests.kaniko import OwnRoot


class TestKaniko(OwnRoot, DockerfileEngineContract):
    """Clauses for every engine."""


class TestKanikoCache(OwnRoot, CachingEngineContract):
    """Clauses for engines with a layer cache in a registry."""
