"""Typical mistakes, and every word of the answer: what is wrong, where, and what to do.

``mistakes.txt`` holds a command line (``$``), its exit code and what it prints on standard error. With
``IMAGE_BUILDER_REWRITE_EXAMPLES=1`` the answers are written again: read them as a user would.
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_lines import CommandLines
from tests.git_repository import GitRepository
from tests.programs import require

TABLE = Path(__file__).parent / "mistakes.txt"
MISTAKES = dict(re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", TABLE.read_text(), re.MULTILINE))
REWRITES = os.environ.get("IMAGE_BUILDER_REWRITE_EXAMPLES") == "1"
PLACES = "registry: localhost:5000/prod\ndev-registry: localhost:5000/dev\n"
FILES = {
    "config.yaml": PLACES,
    "unknown.yaml": f"regsitry: localhost:5000\n{PLACES}",
    "overlap.yaml": "registry: localhost:5000/prod\ndev-registry: localhost:5000/prod/dev\n",
    "ado.yaml": "ado-config:\n  ado-organization-url: https://dev.azure.example/acme\n"
    "  ado-project-name: demo\n  ado-pipeline-id: 12\n",
    "tab.yaml": "registry:\n\t- localhost:5000\n",
    "url.yaml": "registry: https://localhost:5000/prod\n",
    "twice.yaml": f"{PLACES}registry: localhost:5001\n",
    "list.yaml": "- registry\n",
    "template.yaml": f"{PLACES}default-commit-tag: 'v{{{{ .ShortSHA }}'\n",
    "validation.yaml": f"{PLACES}default-commit-tag: {{name: c, value: x1, validation: '^v'}}\n",
    "pattern.yaml": f"{PLACES}default-commit-tag: {{name: c, value: x1, validation: '('}}\n",
    "cache.yaml": f"{PLACES}cache: {{enabled: true}}\n",
    "boolean.yaml": f"{PLACES}reproducible: maybe\n",
    "signer.yaml": f"{PLACES}sign-config: {{enabled-signers: {{'*': [main]}}}}\n",
    "type.yaml": f"{PLACES}sign-config:\n  signers:\n    - {{name: main, type: signify, config: {{}}}}\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    folder = tmp_path_factory.mktemp("mistakes") / "demo"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch AS base\nARG VERSION\nFROM base AS final\n")
    (folder / ".dockerignore").write_text(".git\n")
    for name, content in FILES.items():
        (folder.parent / name).write_text(content)
    repository = GitRepository.make(folder)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=all")
    return repository


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLines:
    return CommandLines(monkeypatch, capfd)


def answer(lines: CommandLines, folder: Path, line: str) -> str:
    words = shlex.split(line)
    if words[:1] != ["schema"] and not any(word.startswith("--config") for word in words):
        words[1:1] = ["--config=../config.yaml"]
    environment = {"CI": "false", "KANIKO_EXECUTOR": "/nowhere", "PATH": str(Path(require("git")).parent)}
    ended = lines.run(folder, environment, *words)
    said = ended.err.replace(str(folder.parent), "FOLDER")
    return f"exit {ended.code}\n{said}\n"


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered_with_these_words(lines: CommandLines, made: GitRepository, line: str) -> None:
    found = answer(lines, made.folder, line)
    if REWRITES:
        MISTAKES[line] = found
        TABLE.write_text("".join(f"$ {mistake}\n{said}" for mistake, said in MISTAKES.items()))
    assert found == MISTAKES[line]


def problems() -> Iterator[str]:
    for said in MISTAKES.values():
        yield from (text for text in said.splitlines() if text.startswith("error: "))


def test_the_table_is_long_and_no_answer_is_a_traceback() -> None:
    assert len(MISTAKES) >= 100
    assert not [said for said in MISTAKES.values() if "exit 1\n" in said or "Traceback" in said]


@pytest.mark.parametrize("problem", sorted(set(problems())))
def test_an_answer_says_where_and_what_to_do(problem: str) -> None:
    where, colon, rest = problem.removeprefix("error: ").partition(": ")
    assert where, colon
    assert re.search(r"; |available: |did you mean", rest)


@pytest.mark.parametrize(
    ("has_git", "kind", "what", "remedy"),
    [
        (True, "none", "the build context is not in a git working copy", "name another --context"),
        (False, "empty", "the program git is not installed", "install it"),
        (True, "empty", "the working copy has no commit that can be read", "run 'git commit'"),
    ],
)
def test_why_the_commit_is_unknown(
    lines: CommandLines, tmp_path: Path, has_git: bool, kind: str, what: str, remedy: str
) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "config.yaml").write_text(PLACES)
    if kind == "empty":
        GitRepository.make(folder)
    path = str(Path(require("git")).parent) if has_git else "/nowhere"
    ended = lines.run(folder, {"CI": "false", "PATH": path}, "tags", "--config=../config.yaml")
    assert ended.err == f"error: git: the commit is unknown: {what}; {remedy}, or set PULL_BASE_SHA to the commit\n"


def test_a_dirty_working_copy_is_named(lines: CommandLines, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (tmp_path / "config.yaml").write_text(PLACES)
    made = GitRepository.make(folder)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=all")
    (folder / "Dockerfile").write_text("FROM busybox\n")
    assert "1 tracked file differs from HEAD" in answer(lines, folder, "plan --name app --backend kaniko")
