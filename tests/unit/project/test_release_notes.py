"""The notes of a release, and what keeps a commit from being released."""

from pathlib import Path

import pytest

import release_notes

CHANGELOG = """# Changes

<!-- towncrier release notes start -->

## 1.2.0 (2026-11-30)

### Features

- It signs.

## 1.1.0 (2026-10-01)

- It builds.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that is ready for the release of 1.2.0."""
    package = tmp_path / release_notes.VERSION
    package.parent.mkdir(parents=True)
    package.write_text('__version__ = "1.2.0"\n')
    (tmp_path / "changelog").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_notes_are_the_newest_section(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release_notes.main("v1.2.0", root) == 0
    assert capsys.readouterr() == ("### Features\n\n- It signs.\n", "")


@pytest.mark.parametrize(
    ("tag", "file", "text", "problem"),
    [
        ("v1.3.0", "changelog/.gitignore", "", "the tag is 'v1.3.0', but"),
        ("1.2.0", "changelog/.gitignore", "", "tag the commit as 'v1.2.0'"),
        ("v1.2.0", "changelog/+sign.feature.md", "It signs.", "changelog/+sign.feature.md is not in CHANGELOG.md"),
        ("v1.2.0", "CHANGELOG.md", CHANGELOG.replace("1.2.0", "1.2.1"), "does not begin with '## 1.2.0'"),
        ("v1.2.0", "CHANGELOG.md", "# Changes\n", "does not begin with '## 1.2.0'"),
    ],
)
def test_a_commit_that_is_not_ready_is_refused(
    root: Path, tag: str, file: str, text: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / file).write_text(text)
    assert release_notes.main(tag, root) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert problem in printed.err
