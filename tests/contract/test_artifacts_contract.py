"""Our artifacts keep the contract; faulty ones do not."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.artifacts import SECRET, ArtifactsContract, no_room
from image_builder_domain.artifacts import Artifacts, LogFile
from image_builder_domain.failure import ArtifactFailure
from returns.result import Failure, Result, Success

from tests.contract.clauses import not_kept


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


class ChangesLineEnds(SpoiltLog):
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
        self.logs.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            (self.logs / name).open("ab").close()
        return self.good.open_log(name).map(SpoiltLog)


class LeavesTheFolder(Spoilt):
    def open_log(self, name: str) -> Result[LogFile, ArtifactFailure]:
        place = self.logs / name
        return FileArtifacts(str(place.parent), Redactor((SECRET,))).open_log(place.name).map(SpoiltLog)


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
        return FileArtifacts(os.path.realpath(self.logs), Redactor((SECRET,))).open_log(name).map(SpoiltLog)


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


LOGS: dict[type[SpoiltLog], set[str]] = {
    LosesALine: {"a_log_holds_every_line_in_order"},
    ChangesLineEnds: {"a_log_holds_every_line_in_order"},
    KeepsLinesForLater: {
        "a_full_disk_stops_no_build_and_is_reported_at_the_end",
        "a_line_is_there_as_soon_as_it_is_written",
    },
    WritesInPieces: {"lines_of_several_threads_stay_whole"},
    WritesAfterClose: {
        "a_full_disk_stops_no_build_and_is_reported_at_the_end",
        "nothing_is_written_after_close",
        "secrets_are_hidden_in_logs",
    },
    HidesAFullDisk: {"a_full_disk_stops_no_build_and_is_reported_at_the_end"},
    RaisesOnAFullDisk: {
        "a_full_disk_stops_no_build_and_is_reported_at_the_end",
        "nothing_is_written_after_close",
        "secrets_are_hidden_in_logs",
    },
    GoesOnAfterTheGap: {"a_full_disk_stops_no_build_and_is_reported_at_the_end"},
}
"""Logs with one fault each, and the clauses that they do not keep."""

FAULTY: dict[type[Spoilt], set[str]] = {
    Spoilt: set(),
    ShowsSecrets: {"secrets_are_hidden_in_logs"},
    ReplacesLogs: {"another_runs_log_is_never_replaced"},
    FollowsALogsLink: {
        "a_log_is_never_written_through_a_link",
        "a_log_lies_in_the_log_directory",
        "no_link_of_a_working_copy_chooses_where_logs_go",
    },
    LeavesTheFolder: {"a_log_lies_in_the_log_directory"},
    WritesInPlace: {
        "a_file_is_never_written_through_a_link",
        "a_write_that_fails_leaves_everything_as_it_was",
        "no_link_of_a_working_copy_chooses_what_is_written",
        "readers_see_the_old_file_or_the_new_one",
    },
    LeavesSomethingBeside: {
        "a_write_that_fails_leaves_everything_as_it_was",
        "no_link_of_a_working_copy_chooses_what_is_written",
        "readers_see_the_old_file_or_the_new_one",
    },
    Raises: {
        "a_file_is_never_written_through_a_link",
        "a_write_that_fails_leaves_everything_as_it_was",
        "no_link_of_a_working_copy_chooses_what_is_written",
        "what_cannot_be_written_is_a_failure_that_names_it",
    },
    FollowsFolders: {"links_of_the_system_are_followed", "no_link_of_a_working_copy_chooses_what_is_written"},
    FollowsItsLogDirectory: {"no_link_of_a_working_copy_chooses_where_logs_go"},
    FollowsWhenDiscarding: {
        "no_link_of_a_working_copy_chooses_what_is_written",
        "what_an_earlier_run_left_is_discarded",
    },
    ChecksNothing: {
        "a_check_changes_nothing_and_sees_what_stands_in_the_way",
        "no_link_of_a_working_copy_chooses_what_is_written",
        "no_link_of_a_working_copy_chooses_where_logs_go",
    },
    FollowsNothing: {"links_of_the_system_are_followed", "no_link_of_a_working_copy_chooses_what_is_written"},
    ChecksByWriting: {"a_check_changes_nothing_and_sees_what_stands_in_the_way"},
    DiscardsNothing: {"no_link_of_a_working_copy_chooses_what_is_written", "what_an_earlier_run_left_is_discarded"},
    Trims: {"a_file_is_written_as_given"},
}
"""Artifacts with one fault each, and the clauses that they do not keep."""


def rejected_by(make: Callable[[Path], Artifacts]) -> set[str]:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            yield {
                "artifacts": make(folder / "logs"),
                "logs": folder / "logs",
                "tmp_path": folder,
                "full_disk": no_room,
            }

    return not_kept(ArtifactsContract, fixtures)


@pytest.mark.parametrize("faulty", LOGS)
def test_a_faulty_log_is_rejected(faulty: type[SpoiltLog]) -> None:
    assert rejected_by(lambda logs: Spoilt(logs, faulty)) == LOGS[faulty]


@pytest.mark.parametrize("faulty", FAULTY)
def test_faulty_artifacts_are_rejected(faulty: type[Spoilt]) -> None:
    assert rejected_by(faulty) == FAULTY[faulty]
