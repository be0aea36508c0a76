"""Our artifacts keep the contract; faulty ones do not."""

import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.artifacts import SECRET, ArtifactsContract, no_room
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.ports import Artifacts, LogFile
from returns.result import Failure, Result, Success


class TestFileArtifacts(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, logs: Path) -> Artifacts:
        return FileArtifacts(str(logs), Redactor((SECRET,)))


class SpoiltLog:
    """A good log, to be spoilt."""

    def __init__(self, log: LogFile) -> None:
        self.log = log

    @property
    def path(self) -> str:
        return self.log.path

    def write(self, lines: bytes) -> None:
        self.log.write(lines)

    def close(self) -> Result[str, ArtifactFailure]:
        return self.log.close()


class KeepsLinesForLater(SpoiltLog):
    def __init__(self, log: LogFile) -> None:
        super().__init__(log)
        self.kept = list[bytes]()

    def write(self, lines: bytes) -> None:
        self.kept.append(lines)

    def close(self) -> Result[str, ArtifactFailure]:
        for lines in self.kept:
            self.log.write(lines)
        return self.log.close()


class LosesALine(SpoiltLog):
    def write(self, lines: bytes) -> None:
        if lines != b"line 1000\n":
            self.log.write(lines)


class MendsLineEnds(SpoiltLog):
    def write(self, lines: bytes) -> None:
        self.log.write(lines.replace(b"\r\n", b"\n"))


class WritesInPieces(SpoiltLog):
    def write(self, lines: bytes) -> None:
        for start in range(0, len(lines), 7):
            self.log.write(lines[start : start + 7])


class HidesAFullDisk(SpoiltLog):
    def close(self) -> Result[str, ArtifactFailure]:
        self.log.close()
        return Success(self.path)


class RaisesOnAFullDisk(SpoiltLog):
    def write(self, lines: bytes) -> None:
        with open(self.path, "ab", buffering=0) as file:
            while lines:
                lines = lines[file.write(lines) :]


class GoesOnAfterTheGap(SpoiltLog):
    def write(self, lines: bytes) -> None:
        self.log.write(lines)
        if lines == b"three\n":
            with open(self.path, "ab") as file:
                file.write(lines)


class WritesAfterClose(SpoiltLog):
    def write(self, lines: bytes) -> None:
        with open(self.path, "ab") as file:
            file.write(lines)


class Spoilt:
    """Good artifacts, to be spoilt; logs by ``kind``."""

    def __init__(self, logs: Path, kind: type[SpoiltLog] = SpoiltLog) -> None:
        self.logs = logs
        self.kind = kind
        self.good = FileArtifacts(str(logs), Redactor((SECRET,)))

    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        return self.good.open_log(name).map(self.kind)

    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        return self.good.write(path, content)

    def check_logs(self) -> Result[str, ArtifactFailure]:
        return self.good.check_logs()

    def check(self, path: str) -> Result[str, ArtifactFailure]:
        return self.good.check(path)

    def discard(self, path: str) -> Result[str, ArtifactFailure]:
        return self.good.discard(path)


class ShowsSecrets(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        return FileArtifacts(str(self.logs), Redactor()).open_log(name).map(SpoiltLog)


class ReplacesLogs(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        (self.logs / name).unlink(missing_ok=True)
        return self.good.open_log(name).map(SpoiltLog)


class FollowsALogsLink(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        (self.logs / name).open("ab").close()
        return self.good.open_log(name).map(SpoiltLog)


class LeavesTheFolder(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        place = self.logs / name
        return FileArtifacts(str(place.parent), Redactor()).open_log(place.name).map(SpoiltLog)


class WritesInPlace(Spoilt):
    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb", buffering=0) as file:
                file.write(content)
        except OSError as error:
            return Failure(ArtifactFailure(path, str(error)))
        return Success(path)


class LeavesSomethingBeside(Spoilt):
    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        with contextlib.suppress(OSError):
            Path(f"{path}.tmp").write_bytes(content[:1])
        return self.good.write(path, content)


class Raises(Spoilt):
    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        return Success(self.good.write(path, content).unwrap())


class FollowsFolders(Spoilt):
    """Asks for the real path first, as everybody would."""

    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        folder, name = os.path.split(path)
        return self.good.write(os.path.join(os.path.realpath(folder), name), content)


class FollowsItsLogDirectory(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        return FileArtifacts(os.path.realpath(self.logs), Redactor()).open_log(name).map(SpoiltLog)


class FollowsWhenDiscarding(Spoilt):
    def discard(self, path: str) -> Result[str, ArtifactFailure]:
        Path(path).unlink(missing_ok=True)
        return self.good.discard(path)


class ChecksNothing(Spoilt):
    def check(self, path: str) -> Result[str, ArtifactFailure]:
        return Success(path)

    def check_logs(self) -> Result[str, ArtifactFailure]:
        return Success(str(self.logs))


class FollowsNothing(Spoilt):
    """Refuses every link, also those of the system."""

    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        if os.path.realpath(path) != path:
            return Failure(ArtifactFailure(path, "a link"))
        return self.good.write(path, content)


class ChecksByWriting(Spoilt):
    def check(self, path: str) -> Result[str, ArtifactFailure]:
        return self.good.write(path, b"")


class DiscardsNothing(Spoilt):
    def discard(self, path: str) -> Result[str, ArtifactFailure]:
        return Success(path)


class Trims(Spoilt):
    def write(self, path: str, content: bytes) -> Result[str, ArtifactFailure]:
        return self.good.write(path, content.strip(b"\x00"))


CONTRACT = ArtifactsContract()
Clause = Callable[[Artifacts], None]


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        pytest.param(LosesALine, CONTRACT.test_a_log_holds_every_line_in_order, id="loses-a-line"),
        pytest.param(MendsLineEnds, CONTRACT.test_a_log_holds_every_line_in_order, id="mends-line-ends"),
        pytest.param(KeepsLinesForLater, CONTRACT.test_a_line_is_there_as_soon_as_it_is_written, id="buffers"),
        pytest.param(WritesInPieces, CONTRACT.test_lines_of_several_threads_stay_whole, id="mixes-lines"),
        pytest.param(WritesAfterClose, CONTRACT.test_nothing_is_written_after_close, id="writes-after-close"),
    ],
)
def test_a_faulty_log_is_seen(kind: type[SpoiltLog], clause: Clause, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        clause(Spoilt(tmp_path / "logs", kind))


@pytest.mark.parametrize(
    ("kind", "seen"),
    [(HidesAFullDisk, Exception), (RaisesOnAFullDisk, OSError), (GoesOnAfterTheGap, AssertionError)],
)
def test_a_full_disk_that_is_taken_badly_is_seen(kind: type[SpoiltLog], seen: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(seen):
        CONTRACT.test_a_full_disk_stops_no_build_and_is_told_at_the_end(Spoilt(tmp_path / "logs", kind), no_room)


def test_a_secret_in_a_log_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_secrets_are_hidden_in_logs(ShowsSecrets(tmp_path / "logs"))


def test_a_log_that_is_replaced_is_seen(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, FileNotFoundError)):
        CONTRACT.test_another_runs_log_is_never_replaced(ReplacesLogs(tmp_path / "logs"), tmp_path / "logs")


def test_a_followed_link_of_a_log_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_a_log_is_never_written_through_a_link(
            FollowsALogsLink(tmp_path / "logs"), tmp_path / "logs", tmp_path
        )


def test_a_log_outside_of_the_folder_is_seen(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r".") as seen:
        CONTRACT.test_a_log_lies_in_the_log_directory(
            LeavesTheFolder(tmp_path / "logs"), "../build.log", tmp_path / "logs"
        )
    assert "a log lies in the log directory" in "".join(seen.value.__notes__)


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [
        pytest.param(Trims, CONTRACT.test_a_file_is_written_as_given, id="trims"),
        pytest.param(WritesInPlace, CONTRACT.test_readers_see_the_old_file_or_the_new_one, id="in-place"),
        pytest.param(WritesInPlace, CONTRACT.test_a_file_is_never_written_through_a_link, id="follows-a-link"),
        pytest.param(LeavesSomethingBeside, CONTRACT.test_readers_see_the_old_file_or_the_new_one, id="leaves-a-file"),
    ],
)
def test_a_file_that_is_written_badly_is_seen(
    spoilt: type[Spoilt], clause: Callable[[Artifacts, Path], None], tmp_path: Path
) -> None:
    (tmp_path / "place").mkdir()
    with pytest.raises(AssertionError):
        clause(spoilt(tmp_path / "logs"), tmp_path / "place")


@pytest.mark.parametrize("path", ["out/report.json", "deep/out/report.json"])
@pytest.mark.parametrize("spoilt", [FollowsFolders, FollowsWhenDiscarding, ChecksNothing])
def test_a_followed_link_of_a_folder_is_seen(spoilt: type[Spoilt], path: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_no_link_of_a_working_copy_chooses_what_is_written(spoilt(tmp_path / "logs"), path, tmp_path)


@pytest.mark.parametrize("spoilt", [FollowsItsLogDirectory, ChecksNothing])
def test_a_followed_link_of_the_log_directory_is_seen(spoilt: type[Spoilt], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_no_link_of_a_working_copy_chooses_where_logs_go(
            spoilt(tmp_path / "logs"), tmp_path / "logs", tmp_path
        )


def test_a_refused_link_of_the_system_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_links_of_the_system_are_followed(FollowsNothing(tmp_path / "logs"), tmp_path)


@pytest.mark.parametrize("spoilt", [ChecksNothing, ChecksByWriting])
def test_a_check_that_is_none_is_seen(spoilt: type[Spoilt], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_a_check_changes_nothing_and_sees_what_stands_in_the_way(
            spoilt(tmp_path / "logs"), tmp_path / "logs", tmp_path
        )


def test_a_file_that_is_not_discarded_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_what_an_earlier_run_left_is_discarded(DiscardsNothing(tmp_path / "logs"), tmp_path)


def test_a_file_that_is_half_written_is_seen(tmp_path: Path) -> None:
    full: Callable[[], AbstractContextManager[None]] = no_room
    with pytest.raises(AssertionError):
        CONTRACT.test_a_write_that_fails_leaves_everything_as_it_was(WritesInPlace(tmp_path / "x"), tmp_path, full)


def test_an_exception_is_seen(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r".") as seen:
        CONTRACT.test_what_cannot_be_written_is_a_failure_that_names_it(Raises(tmp_path / "logs"), tmp_path)
    assert "This clause of the port Artifacts is not kept" in "".join(seen.value.__notes__)
