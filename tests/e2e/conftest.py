"""The worlds as fixtures."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_builder_stand_ins.fixtures import SecuredService, mtls_signing_service

from tests.e2e.image_world import Images
from tests.e2e.remote_world import RemoteWorld, remote_world
from tests.e2e.world import World
from tests.oci_registry import start_registry
from tests.programs import require_buildkit
from tests.small_debian import debian_tarball

__all__ = ["mtls_signing_service"]


@pytest.fixture
def world(tmp_path: Path, mtls_signing_service: SecuredService) -> Iterator[World]:
    """A postsubmit job with real BuildKit, two real registries and a signing service with mutual TLS."""
    require_buildkit()
    folder = tmp_path / "world"
    folder.mkdir()
    with start_registry(tmp_path / "one") as registry, start_registry(tmp_path / "two") as mirror:
        found = World(folder, registry, mirror, mtls_signing_service.service, mtls_signing_service.secret)
        found.postsubmit()
        yield found


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteWorld]:
    """A postsubmit job whose builds are done in a stand-in Azure DevOps, which works without an engine."""
    folder = tmp_path / "job"
    folder.mkdir()
    with remote_world(folder) as found:
        yield found


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """A registry with a small Debian, in which images of ours are made when they are first asked for."""
    require_buildkit()
    tarball, folder = debian_tarball(), tmp_path_factory.mktemp("images")
    with start_registry(folder / "registry") as registry:
        found = Images(folder, registry)
        found.make_debian(tarball)
        yield found
    shutil.rmtree(folder)


@pytest.fixture
def container_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a container's root, which is large: it does not stay."""
    yield tmp_path
    shutil.rmtree(tmp_path)
