"""The folders of a private daemon."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.state import DaemonFolders, open_folders


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def folders(state: str, runtime: Path) -> DaemonFolders:
    return open_folders(state, {"TMPDIR": str(runtime)})


def test_root_in_the_state_folder_is_kept(state: str, tmp_path: Path) -> None:
    first = folders(state, tmp_path)
    assert (first.root, first.is_kept) == (f"{state}/buildkit", True)
    first.remove()
    assert not Path(first.runtime).exists()
    assert folders(state, tmp_path).root == first.root


def test_root_of_another_run_is_not_used(state: str, tmp_path: Path) -> None:
    first, second = folders(state, tmp_path), folders(state, tmp_path)
    assert first.root != second.root
    assert second.root.startswith(f"{second.runtime}/")
    assert not second.is_kept


def test_fresh_root_if_the_state_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not folders(str(tmp_path / "file" / "state"), tmp_path).is_kept


def test_lock_never_follows_a_link(state: str, tmp_path: Path) -> None:
    os.makedirs(state)
    (tmp_path / "victim").write_text("")
    os.symlink(tmp_path / "victim", f"{state}/buildkit.lock")
    assert not folders(state, tmp_path).is_kept


def test_runtime_folder_is_private(state: str, tmp_path: Path) -> None:
    assert os.stat(folders(state, tmp_path).runtime).st_mode & 0o777 == 0o700


def test_socket_path_below_a_long_folder_fits_the_limit_of_the_kernel(state: str, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    made = folders(state, long)
    try:
        assert len(made.socket) <= 107
    finally:
        made.remove()
