"""What every ``Artifacts`` keeps: logs are complete, files are whole, and no link leads elsewhere (section 9).

Subclass :class:`ArtifactsContract` and override ``artifacts``. The clauses look at the file system.
"""

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from image_builder_domain.artifacts import Artifacts
from image_builder_domain.failure import ArtifactFailure
from returns.methods import unwrap_or_failure
from returns.result import Success

from image_builder_contracts.clause import contract_of

SECRET = "a-secret-for-tests-alone"


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow beyond 10 bytes, as if the disk were full; around a few calls only."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@contract_of("Artifacts")
class ArtifactsContract:
    """Clauses of the ``Artifacts`` and ``LogFile`` ports."""

    @pytest.fixture
    def artifacts(self, logs: Path) -> Artifacts:  # noqa: ARG002 (an override needs it)
        """The adapter under test, with the log directory ``logs``; it must hide :data:`SECRET`."""
        pytest.fail("override the 'artifacts' fixture so that it returns your adapter, with 'logs' as log directory")

    @pytest.fixture
    def logs(self, tmp_path: Path) -> Path:
        """The log directory, which is not there yet."""
        return tmp_path / "logs"

    @pytest.fixture
    def full_disk(self) -> Callable[[], AbstractContextManager[None]]:
        """Makes room for 10 bytes in each file, for a while."""
        return no_room

    def test_a_log_holds_every_line_in_order(self, artifacts: Artifacts) -> None:
        """Complete, byte for byte, under the path that it tells (section 9)."""
        log = artifacts.open_log("build_app.log").unwrap()
        lines = [f"line {number}\n".encode() for number in range(2000)] + [b"\xff odd bytes\r\n", b"x" * 70000 + b"\n"]
        for line in lines:
            log.write(line)
        assert log.close() == Success(log.path)
        assert Path(log.path).read_bytes() == b"".join(lines)

    def test_a_line_is_there_as_soon_as_it_is_written(self, artifacts: Artifacts) -> None:
        """A run that is killed loses no line."""
        log = artifacts.open_log("build_app.log").unwrap()
        log.write(b"one\n")
        assert Path(log.path).read_bytes() == b"one\n"
        log.close()

    def test_lines_of_several_threads_stay_whole(self, artifacts: Artifacts) -> None:
        """Builds run side by side, and so do their streams."""
        log = artifacts.open_log("build_app.log").unwrap()

        def talk(word: bytes) -> None:
            for _ in range(200):
                log.write(word * 50 + b"\n")

        threads = [threading.Thread(target=talk, args=(word,)) for word in (b"ab", b"cd", b"ef")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.close()
        assert sorted(set(Path(log.path).read_bytes().splitlines())) == [b"ab" * 50, b"cd" * 50, b"ef" * 50]
        assert len(Path(log.path).read_bytes().splitlines()) == 600

    def test_another_runs_log_is_never_replaced(self, artifacts: Artifacts, logs: Path) -> None:
        """A name that is taken becomes another one."""
        logs.mkdir()
        (logs / "build_app.log").write_text("theirs\n")
        log = artifacts.open_log("build_app.log").unwrap()
        log.write(b"ours\n")
        log.close()
        assert (logs / "build_app.log").read_text() == "theirs\n"
        assert Path(log.path).read_text() == "ours\n"

    def test_a_log_is_never_written_through_a_link(self, artifacts: Artifacts, logs: Path, tmp_path: Path) -> None:
        """Somebody who can put a link into the folder must not choose the file."""
        logs.mkdir()
        (logs / "build_app.log").symlink_to(tmp_path / "elsewhere")
        log = unwrap_or_failure(artifacts.open_log("build_app.log"))
        if not isinstance(log, ArtifactFailure):
            log.write(b"ours\n")
            log.close()
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", ["../build.log", "a/b.log", "", "..", "/tmp/x.log"])  # noqa: S108 (it is refused)
    def test_a_log_lies_in_the_log_directory(self, artifacts: Artifacts, name: str, logs: Path) -> None:
        """A name that is not a plain file name is a failure, and no file appears."""
        assert isinstance(artifacts.open_log(name).failure(), ArtifactFailure)
        assert not (logs.parent / "build.log").exists()

    def test_secrets_are_hidden_in_logs(self, artifacts: Artifacts) -> None:
        """No secret in any output (section 10)."""
        log = artifacts.open_log("build_app.log").unwrap()
        log.write(f"the token is {SECRET}!\n".encode())
        log.close()
        assert SECRET.encode() not in Path(log.path).read_bytes()
        assert b"the token is" in Path(log.path).read_bytes()

    def test_a_full_disk_stops_no_build_and_is_reported_at_the_end(
        self, artifacts: Artifacts, full_disk: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """``write`` never raises; ``close`` says what is missing, each time. What is there has no gap."""
        log = artifacts.open_log("build_app.log").unwrap()
        with full_disk():
            log.write(b"one\n")
            log.write(b"much more than there is room for\n")
        log.write(b"three\n")
        reported = log.close().failure()
        assert log.path in str(reported)
        assert log.close().failure() == reported
        held = Path(log.path).read_bytes()
        assert b"one\nmuch more than there is room for\n".startswith(held)
        assert held.startswith(b"one\n")

    def test_nothing_is_written_after_close(self, artifacts: Artifacts) -> None:
        """A late thread does no harm; closing again gives the same answer."""
        log = artifacts.open_log("build_app.log").unwrap()
        log.write(b"one\n")
        assert log.close() == log.close() == Success(log.path)
        log.write(b"two\n")
        assert Path(log.path).read_bytes() == b"one\n"

    def test_a_file_is_written_as_given(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """Bytes for bytes, under the path that it gives back; folders on the way are made."""
        path = str(tmp_path / "new" / "folder" / "report.json")
        assert artifacts.write(path, b"\x00{}\xff") == Success(path)
        assert Path(path).read_bytes() == b"\x00{}\xff"

    def test_readers_see_the_old_file_or_the_new_one(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """Atomic: a reader that has the old file open reads all of it, and no other file is left behind."""
        path = tmp_path / "report.json"
        path.write_bytes(b"the old report, which is longer than the new one")
        with path.open("rb") as reader:
            artifacts.write(str(path), b"new").unwrap()
            assert reader.read() == b"the old report, which is longer than the new one"
        assert path.read_bytes() == b"new"
        assert os.listdir(tmp_path) == ["report.json"]

    def test_a_write_that_fails_leaves_everything_as_it_was(
        self, artifacts: Artifacts, tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """The old report stays, nothing is left beside it, and the failure names the path."""
        path = tmp_path / "report.json"
        path.write_bytes(b"old")
        with full_disk():
            failed = unwrap_or_failure(artifacts.write(str(path), b"more than there is room for"))
        assert isinstance(failed, ArtifactFailure)
        assert str(path) in str(failed)
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["report.json"]

    def test_a_file_is_never_written_through_a_link(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """The last part of a path is never followed."""
        (tmp_path / "theirs").write_text("theirs")
        (tmp_path / "report.json").symlink_to(tmp_path / "theirs")
        assert isinstance(unwrap_or_failure(artifacts.write(str(tmp_path / "report.json"), b"x")), ArtifactFailure)
        assert (tmp_path / "theirs").read_text() == "theirs"

    def test_what_cannot_be_written_is_a_failure_that_names_it(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """A value, never an exception (section 10)."""
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "file" / "report.json", tmp_path):
            failed = unwrap_or_failure(artifacts.write(str(path), b"x"))
            assert isinstance(failed, ArtifactFailure)
            assert str(path) in str(failed)

    @pytest.mark.parametrize("path", ["out/report.json", "out/new/report.json", "deep/out/report.json"])
    def test_no_link_of_a_working_copy_chooses_what_is_written(
        self, artifacts: Artifacts, path: str, tmp_path: Path
    ) -> None:
        """A committed link, at whichever part of the path: nothing is written, removed or made where it leads."""
        victim, copy = _working_copy(tmp_path)
        (copy / "deep").mkdir()
        for link in (copy / "out", copy / "deep" / "out"):
            link.symlink_to(victim)
        asked = str(copy / path)
        for answer in (artifacts.check(asked), artifacts.write(asked, b"ours"), artifacts.discard(asked)):
            failed = unwrap_or_failure(answer)
            assert isinstance(failed, ArtifactFailure)
            assert str((copy / path).parents[path.count("new/")]) in failed.reason
        assert {file.name: file.read_text() for file in victim.iterdir()} == {"report.json": "theirs"}

    def test_no_link_of_a_working_copy_chooses_where_logs_go(
        self, artifacts: Artifacts, logs: Path, tmp_path: Path
    ) -> None:
        """The log directory itself may be such a link."""
        victim, _ = _working_copy(tmp_path)
        (logs.parent / ".git").mkdir()
        logs.symlink_to(victim)
        assert isinstance(unwrap_or_failure(artifacts.check_logs()), ArtifactFailure)
        assert isinstance(unwrap_or_failure(artifacts.open_log("build_app.log")), ArtifactFailure)
        assert os.listdir(victim) == ["report.json"]

    def test_links_of_the_system_are_followed(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """``/var/run``, a home behind a link: what leads to a working copy, and not out of it."""
        _, copy = _working_copy(tmp_path)
        (tmp_path / "home").symlink_to(copy.parent)
        path = str(tmp_path / "home" / copy.name / "out" / "report.json")
        assert artifacts.check(path) == Success(path)
        assert artifacts.write(path, b"ours") == Success(path)
        assert (copy / "out" / "report.json").read_bytes() == b"ours"

    def test_a_check_changes_nothing_and_sees_what_stands_in_the_way(
        self, artifacts: Artifacts, logs: Path, tmp_path: Path
    ) -> None:
        """Before a run starts, so that no build is lost for its evidence."""
        (tmp_path / "file").write_text("")
        assert artifacts.check_logs() == Success(str(logs))
        for good in (tmp_path / "new" / "folder" / "report.json", tmp_path / "file"):
            assert artifacts.check(str(good)) == Success(str(good))
        for bad in (tmp_path / "file" / "report.json", tmp_path):
            failed = unwrap_or_failure(artifacts.check(str(bad)))
            assert isinstance(failed, ArtifactFailure)
            assert str(bad) in str(failed)
        assert os.listdir(tmp_path) == ["file"]
        logs.write_text("")
        assert isinstance(unwrap_or_failure(artifacts.check_logs()), ArtifactFailure)

    def test_what_an_earlier_run_left_is_discarded(self, artifacts: Artifacts, tmp_path: Path) -> None:
        """A file, which may be gone already; nothing else."""
        path = tmp_path / "tags.json"
        path.write_text("old")
        for _ in range(2):
            assert artifacts.discard(str(path)) == Success(str(path))
            assert not path.exists()
        assert artifacts.discard(str(tmp_path / "new" / "tags.json")).unwrap()
        path.mkdir()
        assert isinstance(unwrap_or_failure(artifacts.discard(str(path))), ArtifactFailure)
        assert os.listdir(tmp_path) == ["tags.json"]


def _working_copy(folder: Path) -> tuple[Path, Path]:
    """A folder that nobody may write to, holding ``report.json``, and a git working copy beside it."""
    victim, copy = folder / "victim", folder / "real" / "copy"
    victim.mkdir()
    (victim / "report.json").write_text("theirs")
    (copy / ".git").mkdir(parents=True)
    return victim, copy
