"""Where a private daemon lives."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.state import DaemonFolders, open_folders


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def test_root_lies_in_the_state_folder_and_is_kept(state: str, tmp_path: Path) -> None:
    folders = open_folders(state, {"TMPDIR": str(tmp_path)})
    assert (folders.root, folders.is_kept) == (f"{state}/buildkit", True)
    folders.remove()
    assert not Path(folders.runtime).exists()
    assert open_folders(state, {"TMPDIR": str(tmp_path)}).root == folders.root


def test_root_of_another_run_is_left_alone(state: str, tmp_path: Path) -> None:
    first = open_folders(state, {"TMPDIR": str(tmp_path)})
    second = open_folders(state, {"TMPDIR": str(tmp_path)})
    assert first.root != second.root
    assert second.root.startswith(f"{second.runtime}/")
    assert not second.is_kept


def test_state_folder_that_cannot_be_made_gives_a_fresh_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folders = open_folders(str(tmp_path / "file" / "state"), {"TMPDIR": str(tmp_path)})
    assert not folders.is_kept


def test_lock_is_no_link_that_somebody_planted(state: str, tmp_path: Path) -> None:
    os.makedirs(state)
    (tmp_path / "victim").write_text("")
    os.symlink(tmp_path / "victim", f"{state}/buildkit.lock")
    assert not open_folders(state, {"TMPDIR": str(tmp_path)}).is_kept


def test_runtime_folder_is_private(state: str, tmp_path: Path) -> None:
    folders = open_folders(state, {"TMPDIR": str(tmp_path)})
    assert os.stat(folders.runtime).st_mode & 0o777 == 0o700


def test_socket_path_fits_the_kernels_limit_even_below_a_long_folder(state: str, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    folders: DaemonFolders = open_folders(state, {"TMPDIR": str(long)})
    try:
        assert len(folders.socket) <= 107
    finally:
        folders.remove()
