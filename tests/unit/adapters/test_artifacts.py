"""Logs and files on disk: what ``ArtifactsContract`` does not check."""

import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_adapters.artifacts import FileArtifacts, append
from image_builder_adapters.redaction import Redactor
from image_builder_domain.artifacts import Artifacts, LogFile
from image_builder_domain.failure import ArtifactFailure
from returns.pipeline import is_successful
from returns.result import Success


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "deep"


@pytest.fixture
def artifacts(logs: Path) -> Artifacts:
    return FileArtifacts(str(logs), Redactor())


def failure(artifacts: Artifacts, path: Path | str, content: bytes = b"x") -> ArtifactFailure:
    return artifacts.write(str(path), content).failure()


def test_the_log_directory_is_made_with_the_first_log_only(artifacts: Artifacts, logs: Path) -> None:
    assert not logs.exists()
    log: LogFile = artifacts.open_log("build_a.log").unwrap()
    assert log.path == str(logs / "build_a.log")
    assert stat.S_IMODE(logs.stat().st_mode) & ~0o755 == 0
    assert log.close() == Success(log.path)


def test_a_secret_across_two_pieces_of_a_long_line_is_hidden_and_no_byte_gets_lost(logs: Path) -> None:
    log = FileArtifacts(str(logs), Redactor(["hunter22"])).open_log("a.log").unwrap()
    for piece in (b"x" * 99 + b"hunt", b"er22 and hunter", b"2"):
        log.write(piece)
    log.close()
    assert (logs / "a.log").read_bytes() == b"x" * 99 + b"*** and hunter2"


def test_the_first_free_number_is_found_among_thousands(artifacts: Artifacts, logs: Path) -> None:
    logs.mkdir(parents=True)
    for name in ("build_a.log", *(f"build_a-{number}.log" for number in range(2, 3001))):
        (logs / name).touch()
    log = artifacts.open_log("build_a.log").unwrap()
    log.close()
    assert log.path == str(logs / "build_a-3001.log")


def test_the_log_directory_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    log = FileArtifacts(str(tmp_path / "link"), Redactor()).open_log("a.log").unwrap()
    log.close()
    assert (tmp_path / "real" / "a.log").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../a.log", "a/b.log", "a\0b", "x" * 300])
def test_an_invalid_file_name_opens_no_log(artifacts: Artifacts, logs: Path, name: str) -> None:
    assert isinstance(artifacts.open_log(name).failure(), ArtifactFailure)
    assert not logs.exists() or not list(logs.iterdir())


def test_a_file_in_place_of_the_log_directory_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    found = FileArtifacts(str(tmp_path / "logs"), Redactor()).open_log("a.log").failure()
    assert found == ArtifactFailure(str(tmp_path / "logs" / "a.log"), "Not a directory")


def test_writing_after_close_touches_no_other_file(artifacts: Artifacts, tmp_path: Path) -> None:
    log = artifacts.open_log("a.log").unwrap()
    log.close()
    with (tmp_path / "other").open("wb"):
        log.write(b"late\n")
    assert (tmp_path / "other").read_bytes() == b""


def test_a_path_without_a_folder_is_in_the_current_one(
    artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert artifacts.write("tags.json", b"[]") == Success("tags.json")
    assert (tmp_path / "tags.json").read_bytes() == b"[]"


def test_a_link_in_a_copied_context_is_not_followed(tmp_path: Path) -> None:
    """A container job may copy the source without ``.git``."""
    (tmp_path / "context").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "context" / "out").symlink_to(tmp_path / "victim")
    path = f"{tmp_path}/context/out/report.json"
    guarded = FileArtifacts("", Redactor(), f"{tmp_path}/context")
    assert f"{tmp_path}/context/out is a link" in str(guarded.write(path, b"x").failure())
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_link_in_the_working_directory_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "copy" / "out").symlink_to("../victim")
    monkeypatch.chdir(tmp_path / "copy")
    for path in ("out/report.json", f"{tmp_path}/copy/out/report.json", "../copy/out/report.json"):
        assert "is a link" in str(failure(FileArtifacts("", Redactor()), path))
    assert list((tmp_path / "victim").iterdir()) == []


_before_open: list[Callable[[str], None]] = []
"""Called with the name that ``os.open`` is about to open. An audit hook cannot be removed, so all tests share one."""


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        for call in _before_open:
            call(arguments[0])


sys.addaudithook(_audit)


@pytest.mark.parametrize("moment", ["out", ".image-builder-"])
def test_a_folder_that_is_swapped_for_a_link_meanwhile_is_never_followed(
    artifacts: Artifacts, moment: str, tmp_path: Path
) -> None:
    """At the last moment: just before the folder, or the file in it, is opened."""
    copy, victim = tmp_path / "copy", tmp_path / "victim"
    (copy / ".git").mkdir(parents=True)
    (copy / "out").mkdir()
    victim.mkdir()
    swapped: list[str] = []

    def swap(name: str) -> None:
        if name.startswith(moment) and not swapped:
            swapped.append(name)
            (copy / "out").rename(copy / "aside")
            (copy / "out").symlink_to(victim)

    _before_open.append(swap)
    try:
        artifacts.write(str(copy / "out" / "report.json"), b"x")
    finally:
        _before_open.remove(swap)
    assert len(swapped) == 1
    assert list(victim.iterdir()) == []


def test_links_that_lead_to_each_other_end(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert failure(artifacts, tmp_path / "a" / "f").reason == "Too many levels of symbolic links"


def test_a_link_to_a_folder_in_a_working_copy_is_resolved_before_it_is_judged(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    (tmp_path / "copy" / ".git").mkdir(parents=True)
    (tmp_path / "copy" / "deep").mkdir()
    (tmp_path / "copy" / "deep" / "out").symlink_to(tmp_path)
    (tmp_path / "short").symlink_to("copy/deep")
    assert f"{tmp_path}/copy/deep/out is a link" in failure(artifacts, tmp_path / "short" / "out" / "f").reason


def test_a_folder_without_permission_to_read_is_passed(artifacts: Artifacts, tmp_path: Path) -> None:
    """A folder that may only be passed, as homes often are."""
    (tmp_path / "home" / "me").mkdir(parents=True)
    (tmp_path / "home").chmod(0o311)
    path = f"{tmp_path}/home/me/f"
    assert artifacts.write(path, b"x") == Success(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(("make", "kind"), [(os.mkdir, "a directory"), (os.mkfifo, "a pipe"), (_socket, "a device")])
def test_only_a_regular_file_is_replaced(
    artifacts: Artifacts, make: Callable[[Path], None], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    make(Path("f"))
    before = os.lstat("f")
    assert kind in failure(artifacts, "f").reason
    assert os.lstat("f").st_ino == before.st_ino


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout"])
def test_devices_are_refused_with_a_reason(artifacts: Artifacts, path: str) -> None:
    assert "not a file" in str(failure(artifacts, path))
    assert os.path.lexists(path)


@pytest.mark.parametrize("path", ["", "a/", "/", "..", "a\0b", "x" * 300])
def test_a_path_of_no_file_is_a_failure(
    artifacts: Artifacts, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert failure(artifacts, path).path == path
    assert list(tmp_path.iterdir()) == []


# --- files of a CI system ---------------------------------------------------------------------------------------------


def make_link(path: Path) -> None:
    (path.parent / "target").write_text("kept")
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_link, "Too many levels of symbolic links"),
        (os.mkfifo, "this is not a regular file"),
        (os.mkdir, "Is a directory"),
    ],
)
def test_only_a_regular_file_is_added_to(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "file")
    assert reason in str(append(str(tmp_path / "file"), b"x").failure())
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_text() == "kept"


def test_adding_begins_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for part in (b"one\n", b"two", b"three\n"):
        assert is_successful(append(str(file), part))
    assert file.read_bytes() == b"one\ntwo\nthree\n"
