"""Asking a real git about real working copies, some of them hostile."""

import os
import subprocess
from pathlib import Path

import pytest
from image_builder_adapters.git.repository import commit_time, working_copy_commit

from tests.programs import require


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    require("git")
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}


@pytest.fixture
def copy(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A working copy with one commit of 2023-11-14 22:13:20 UTC."""
    folder = tmp_path / "copy"
    folder.mkdir()
    git(folder, environment, "init", "-q")
    date = {"GIT_COMMITTER_DATE": "1700000000 +0200", "GIT_AUTHOR_DATE": "1600000000 +0000"}
    person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    git(folder, environment | date, *person, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def git(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_the_one_that_is_checked_out(copy: Path, environment: dict[str, str]) -> None:
    (copy / "below").mkdir()
    head = git(copy, environment, "rev-parse", "HEAD")
    assert working_copy_commit(str(copy), environment) == head
    assert working_copy_commit(str(copy / "below"), environment) == head


def test_the_time_is_the_committers(copy: Path, environment: dict[str, str]) -> None:
    head = git(copy, environment, "rev-parse", "HEAD")
    assert commit_time(str(copy), head, environment) == 1_700_000_000


def test_a_commit_that_stands_for_another_one_does_not_count(copy: Path, environment: dict[str, str]) -> None:
    head = git(copy, environment, "rev-parse", "HEAD")
    person = {
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_COMMITTER_DATE": "1500000000 +0000",
    }
    author = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
    other = git(copy, environment | person | author, "commit-tree", "-m", "other", "HEAD^{tree}")
    git(copy, environment, "replace", head, other)
    assert commit_time(str(copy), head, environment) == 1_700_000_000


@pytest.mark.parametrize("commit", ["HEAD", "--help", "", "1" * 40, "--output=stolen"])
def test_no_time_is_known_of_what_is_no_commit_here(copy: Path, environment: dict[str, str], commit: str) -> None:
    assert commit_time(str(copy), commit, environment) is None
    assert [entry.name for entry in copy.iterdir()] == [".git"]


def test_there_is_no_commit_without_a_working_copy(tmp_path: Path, environment: dict[str, str]) -> None:
    ceiling = tmp_path / "plain"
    ceiling.mkdir()
    (ceiling / ".git").write_text("no repository")  # also when the tests' own folder lies in one
    assert working_copy_commit(str(ceiling), environment) is None
    assert working_copy_commit(str(tmp_path / "none"), environment) is None
    assert working_copy_commit("a\0b", environment) is None


def test_there_is_no_commit_before_the_first(tmp_path: Path, environment: dict[str, str]) -> None:
    git(tmp_path, environment, "init", "-q")
    assert working_copy_commit(str(tmp_path), environment) is None


def test_there_is_no_commit_without_git(copy: Path, tmp_path: Path) -> None:
    assert working_copy_commit(str(copy), {"PATH": str(tmp_path)}) is None


def test_variables_of_another_repository_do_not_count(copy: Path, environment: dict[str, str], tmp_path: Path) -> None:
    head = git(copy, environment, "rev-parse", "HEAD")
    assert working_copy_commit(str(copy), environment | {"GIT_DIR": str(tmp_path)}) == head


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: nobody else can give a folder away")
def test_a_working_copy_of_another_user_is_read(copy: Path, environment: dict[str, str]) -> None:
    head = git(copy, environment, "rev-parse", "HEAD")
    for path in (copy, copy / ".git"):
        os.chown(path, 12345, 12345)
    assert working_copy_commit(str(copy), environment) == head


def test_configuration_in_the_working_copy_starts_no_program(
    copy: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    trap, mark = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\n")
    trap.chmod(0o755)
    signed = _signed_commit(copy, environment)
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": "ssh://host.invalid/x",
        "remote.origin.promisor": "true",
        "core.sshCommand": str(trap),
        "core.fsmonitor": str(trap),
        "core.pager": str(trap),
        "pager.show": "true",
        "log.showSignature": "true",
        "gpg.program": str(trap),
        "protocol.allow": "always",
    }
    for name, value in settings.items():
        git(copy, environment, "config", name, value)
    # First show that the traps work: a plain git falls into them.
    subprocess.run(["git", "-C", str(copy), "show", "-s", signed], env=environment, check=False, capture_output=True)
    assert mark.exists()
    mark.unlink()
    assert working_copy_commit(str(copy), environment) is not None
    assert commit_time(str(copy), signed, environment) == 1_700_000_000
    assert commit_time(str(copy), "1" * 40, environment) is None  # a missing object: a promise that nobody keeps
    assert not mark.exists()


def _signed_commit(copy: Path, environment: dict[str, str]) -> str:
    """A commit with a signature that is none, so that git would call the program that checks it."""
    text = git(copy, environment, "cat-file", "commit", "HEAD")
    header, _, message = text.partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----"
    command = ["git", "-C", str(copy), "hash-object", "-t", "commit", "-w", "--stdin"]
    content = f"{header}\n{signature}\n\n{message}\n"
    return subprocess.run(
        command, input=content, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_parent_of_a_merge_is_told_and_of_a_first_commit_there_is_none(
    copy: Path, environment: dict[str, str]
) -> None:
    first = git(copy, environment, "rev-parse", "HEAD")
    person = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    git(copy, environment, *person, "commit", "-q", "--allow-empty", "-m", "two")
    second = git(copy, environment, "rev-parse", "HEAD")
    assert working_copy_commit(str(copy), environment, f"{second}^1") == first
    assert working_copy_commit(str(copy), environment, f"{first}^1") is None
