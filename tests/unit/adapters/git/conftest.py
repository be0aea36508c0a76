"""A checkout with a submodule."""

from pathlib import Path

import pytest

from tests.git_repository import GitRepository


@pytest.fixture
def superproject(main: GitRepository, tmp_path: Path) -> GitRepository:
    """``main`` is its submodule at ``parts/sub``."""
    made = GitRepository.make(tmp_path / "super")
    made.git("submodule", "--quiet", "add", f"file://{main.folder}", "parts/sub")
    made.commit()
    return made
