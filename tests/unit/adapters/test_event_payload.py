"""The payload of an event is read from one regular file of a bounded size, or refused."""

import json
import os
from pathlib import Path

import pytest
from image_builder_adapters import job_surroundings as event_payload
from image_builder_adapters.job_surroundings import read_event


def told(path: object) -> str:
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
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(content)
    assert told(file).startswith(f"GITHUB_EVENT_PATH: {file}: this is not ")


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "the file is not a regular file" in told(tmp_path / "pipe")
    assert "the file is not a regular file" in told("/dev/zero")
    assert "the file is not a regular file" in told(tmp_path)


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    assert "the file does not exist; hand the event's own payload on" in told(tmp_path / "event.json")
    assert told("").startswith("GITHUB_EVENT_PATH: this variable of the GitHub Actions job is not set; hand")
    assert "cannot be read" in told("a\0b")


def test_a_file_of_25_mib_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(b"{}".ljust(event_payload.LARGEST_PAYLOAD))
    assert read_event(str(file)).unwrap() == {}
    with file.open("ab") as longer:
        longer.write(b" ")
    assert "the file is larger than 25 MiB" in told(file)
