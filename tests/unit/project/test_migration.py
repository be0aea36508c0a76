"""The page about switching from other tools: our command lines are planned, and those of others are refused."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command_lines import CommandLines
from tests.git_repository import GitRepository
from tests.programs import require

PAGE = (Path(__file__).parents[3] / "docs" / "migrate.md").read_text()
(CONFIG,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
AFTER = re.findall(r"```sh after\nimage-builder (.*)\n```", PAGE)
(BEFORE,) = re.findall(r"```sh before\nimage-builder (.*)\n```", PAGE)
FOREIGN = re.findall(r"```sh before\n(?!image-builder)(.*)\n```", PAGE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = GitRepository.make(tmp_path / "demo")
    (made.folder / "docker").mkdir()
    for path in ("Dockerfile", "docker/Dockerfile"):
        (made.folder / path).write_text("FROM scratch\nARG VERSION\n")
    (made.folder / "config.yaml").write_text(CONFIG)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=all")
    return made.folder


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CI": "false", "PATH": str(Path(require("git")).parent)}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLines:
    return CommandLines(monkeypatch, capfd)


def test_the_page_shows_each_tool() -> None:
    assert (len(AFTER), len(FOREIGN)) == (5, 3)


@pytest.mark.parametrize("line", AFTER)
def test_what_the_page_shows_to_write_is_planned(
    line: str, lines: CommandLines, folder: Path, environment: dict[str, str]
) -> None:
    ended = lines.run(folder, environment, "plan", *shlex.split(line))
    assert (ended.code, "registry.example.com/dev/app:" in ended.out) == (0, True), ended.err


def test_what_the_page_shows_to_replace_is_refused_with_the_table_s_words(
    lines: CommandLines, folder: Path, environment: dict[str, str]
) -> None:
    ended = lines.run(folder, environment, "plan", *shlex.split(BEFORE))
    refused = [error.partition(": ")[2] for error in ended.err.splitlines()]
    assert ended.code == 2
    assert [error.partition(":")[0] for error in refused if "retired" in error] == ["--build-engine", "--oidc-token"]


@pytest.mark.parametrize("flag", re.findall(r"^\| (`--.*?) \|", PAGE, re.MULTILINE))
def test_each_flag_of_the_table_is_retired(
    flag: str, lines: CommandLines, folder: Path, environment: dict[str, str]
) -> None:
    for name in re.findall(r"--[a-z-]+", flag):
        ended = lines.run(folder, environment, "plan", "--config=config.yaml", "--name=app", f"{name}=x")
        assert f"{name}: this flag is retired" in ended.err


@pytest.mark.parametrize("line", FOREIGN)
def test_a_foreign_command_line_written_here_is_answered(
    line: str, lines: CommandLines, folder: Path, environment: dict[str, str]
) -> None:
    """Flags that differ are each answered, and none of them does something else."""
    words = [word for word in shlex.split(line) if word.startswith("-")]
    ended = lines.run(folder, environment, "plan", "--config=config.yaml", *words)
    assert ended.code == 2
