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
from image_builder_domain.artifact_failure import ArtifactFailure
from image_builder_domain.ports import Artifacts
from returns.methods import unwrap_or_failure
from returns.result import Success

from image_builder_contracts.clause import contract_of

SECRET = "a-secret-for-tests-alone"  # noqa: S105 (it opens nothing)


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
        """Whoever can put a link into the folder must not choose the file."""
        logs.mkdir()
        (logs / "build_app.log").symlink_to(tmp_path / "elsewhere")
        log = unwrap_or_failure(artifacts.open_log("build_app.log"))
        if not isinstance(log, ArtifactFailure):
            log.write(b"ours\n")
            log.close()
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("name", ["../build.log", "a/b.log", "", "..", "/tmp/x.log"])  # noqa: S108 (it is refused)
    def test_a_log_lies_in_the_log_directory(self, artifacts: Artifacts, name: str, logs: Path) -> None:
        """A name that is no file name is a failure, and makes nothing."""
        assert isinstance(artifacts.open_log(name).failure(), ArtifactFailure)
        assert not (logs.parent / "build.log").exists()

    def test_secrets_are_hidden_in_logs(self, artifacts: Artifacts) -> None:
        """No secret in any output (section 10)."""
        log = artifacts.open_log("build_app.log").unwrap()
        log.write(f"the token is {SECRET}!\n".encode())
        log.close()
        assert SECRET.encode() not in Path(log.path).read_bytes()
        assert b"the token is" in Path(log.path).read_bytes()

    def test_a_full_disk_stops_no_build_and_is_told_at_the_end(
        self, artifacts: Artifacts, full_disk: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """``write`` never raises; ``close`` says what is missing, each time. What is there has no gap."""
        log = artifacts.open_log("build_app.log").unwrap()
        with full_disk():
            log.write(b"one\n")
            log.write(b"much more than there is room for\n")
        log.write(b"three\n")
        told = log.close().failure()
        assert log.path in str(told)
        assert log.close().failure() == told
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
        """Atomic: whoever has the old file open reads all of it, and nothing is left beside the new one."""
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
