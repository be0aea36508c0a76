"""The check of words finds what it is there for, and leaves good sentences alone."""

import re
from pathlib import Path

import pytest

import prose
from tests.git_repository import GitRepository


@pytest.mark.parametrize(
    "line",
    [
        "This is no regular file.",
        "these ARE NO tags",
        "mend the file",
        "Whoever reads this",
        "whatever was there",
        "every problem is told at once",
        "Brake = 3",
        "the voice of the build",
        "The house has five rooms.",
    ],
)
def test_a_phrase_that_reads_badly_is_found(line: str) -> None:
    assert found(line)


@pytest.mark.parametrize(
    "line",
    [
        "There is no such file.",
        "The tag is no longer there.",
        "amendment, recommend",
        "the grace period of the pod",
        "The value is not a tag.",
        "untold, invoice, brakeman",
    ],
)
def test_a_good_sentence_is_left_alone(line: str) -> None:
    assert not found(line)


def test_each_problem_names_the_file_the_line_and_the_replacement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prose, "PHRASES", {"^# README has one title$|^# Image Builder$": "a title"})
    monkeypatch.setattr(prose, "NOT_OURS", ())
    assert "README.md:1: '# Image Builder': write a title" in list(prose.phrases())


def test_a_commit_with_a_long_subject_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = GitRepository.make(tmp_path / "work")
    monkeypatch.setattr(prose, "ROOT", repository.folder)
    repository.git("commit", "--quiet", "--allow-empty", "-m", "x" * 72)
    assert list(prose.subjects()) == []
    repository.git("commit", "--quiet", "--allow-empty", "-m", "x" * 73)
    assert [problem.split(":")[0] for problem in prose.subjects()] == [f"commit {repository.head[:7]}"]
    monkeypatch.setattr(prose, "SINCE", "2099-01-01T00:00:00Z")
    assert list(prose.subjects()) == []


def found(line: str) -> bool:
    return any(re.search(pattern, line, re.IGNORECASE) for pattern in prose.PHRASES)
