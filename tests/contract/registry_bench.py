"""Our registry adapter against a registry, and the images that the contract looks for in it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import HeldImage, RegistryContract

from tests.oci_registry import held_image

PLATFORMS = ("linux/amd64", "linux/386", "unknown/unknown")


class Running(Protocol):
    """A registry that runs."""

    @property
    def host_port(self) -> str: ...


class PushedImages(RegistryContract):
    """Subclasses give ``running``, and what a push and the adapter need to get in."""

    @pytest.fixture
    def running(self) -> Running:
        pytest.fail("override the 'running' fixture")

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {}

    @pytest.fixture
    def authorization(self) -> str | None:
        return None

    @pytest.fixture
    def docker(self) -> bool:
        return False

    @pytest.fixture
    def registry(self, environment: dict[str, str]) -> Iterator[HttpRegistry]:
        with closing(HttpRegistry(environment, Redactor())) as registry:
            yield registry

    @pytest.fixture
    def image(self, running: Running, authorization: str | None, docker: bool) -> HeldImage:
        return held_image(running.host_port, "one", authorization=authorization, docker=docker)

    @pytest.fixture
    def index(self, running: Running, authorization: str | None, docker: bool) -> HeldImage:
        return held_image(running.host_port, "all", PLATFORMS, authorization=authorization, docker=docker)

    @pytest.fixture
    def move_tag(self, running: Running, authorization: str | None) -> Callable[[], HeldImage]:
        return lambda: held_image(running.host_port, "one", marker="moved", authorization=authorization)
