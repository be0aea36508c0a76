"""The payload of an event is read from one regular file of a bounded size; containers and terminals are recognised."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from image_builder_adapters.job_surroundings import LARGEST_PAYLOAD, find_place, read_event


def refusal(path: object) -> str:
    (problem,) = read_event(str(path)).failure()
    return str(problem)


def test_a_payload_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(json.dumps({"ref": "refs/heads/é", "inputs": None}).encode())
    assert read_event(str(file)).unwrap() == {"ref": "refs/heads/é", "inputs": None}
    link = tmp_path / "link"
    link.symlink_to(file)
    assert read_event(str(link)).unwrap()["inputs"] is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"a":' * 100_000], ids=lambda it: it[:6]
)
def test_content_that_is_not_a_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(content)
    assert refusal(file).startswith(f"GITHUB_EVENT_PATH: {file}: this is not ")


def test_a_file_that_is_not_regular_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "the file is not a regular file" in refusal(tmp_path / "pipe")
    assert "the file is not a regular file" in refusal("/dev/zero")
    assert "the file is not a regular file" in refusal(tmp_path)


def test_a_missing_file_is_reported_with_what_to_do(tmp_path: Path) -> None:
    assert "the file does not exist; hand the event's own payload on" in refusal(tmp_path / "event.json")
    assert refusal("").startswith("GITHUB_EVENT_PATH: this variable of the GitHub Actions job is not set; hand")
    assert "cannot be read" in refusal("a\0b")


def test_a_file_of_25_mib_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(b"{}".ljust(LARGEST_PAYLOAD))
    assert read_event(str(file)).unwrap() == {}
    with file.open("ab") as longer:
        longer.write(b" ")
    assert "the file is larger than 25 MiB" in refusal(file)


# --- place --------------------------------------------------------------------------------------------------------

SHOWN = "import os; from image_builder_adapters.job_surroundings import find_place; "
SHOWN += "os.write({}, str(find_place()).encode())"


@pytest.mark.parametrize("name", [".dockerenv", "run/.containerenv"])
def test_a_file_of_a_runtime_is_a_container(tmp_path: Path, name: str) -> None:
    assert not find_place(str(tmp_path)).in_container
    (tmp_path / "run").mkdir()
    (tmp_path / name).touch()
    assert find_place(str(tmp_path)).in_container


def shown(terminal: str | None = None) -> str:
    """What a process says of its place that has at most one terminal, as this standard stream."""
    reads, writes = os.pipe()
    ours, theirs = os.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | (
        {terminal: theirs} if terminal else {}
    )
    command = [sys.executable, "-c", SHOWN.format(writes)]
    done = subprocess.run(command, **streams, pass_fds=[writes], check=False)  # type: ignore[call-overload] # streams
    for end in (writes, ours, theirs):
        os.close(end)
    with os.fdopen(reads) as answer:
        assert done.returncode == 0
        return answer.read()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_one_stream_that_is_a_terminal_is_enough(stream: str) -> None:
    assert "has_terminal=True" in shown(stream)


def test_without_any_terminal_there_is_none() -> None:
    assert "has_terminal=False" in shown()
