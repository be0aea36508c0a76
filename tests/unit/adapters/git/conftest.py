"""Checkouts made by the git program."""

from pathlib import Path

import pytest

from tests.git_repository import GitRepository
from tests.unit.adapters.git.checkouts import NO_GIT


@pytest.fixture
def main(tmp_path: Path) -> GitRepository:
    """A repository with two commits on main."""
    made = GitRepository.make(tmp_path / "main")
    made.commit(app="one", README="one")
    made.commit(app="two")
    return made


@pytest.fixture(params=["with git", "without git"])
def environment(request: pytest.FixtureRequest, main: GitRepository) -> dict[str, str]:
    """An environment with the git program, and one without it."""
    return main.environment if request.param == "with git" else NO_GIT


@pytest.fixture
def superproject(main: GitRepository, tmp_path: Path) -> GitRepository:
    """``main`` is its submodule at ``parts/sub``."""
    made = GitRepository.make(tmp_path / "super")
    made.git("submodule", "--quiet", "add", f"file://{main.folder}", "parts/sub")
    made.commit()
    return made
