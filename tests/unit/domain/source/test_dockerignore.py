"""Which paths ignore files leave out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.source.dockerignore import excludes


@pytest.mark.parametrize(
    "content",
    [
        ".git",
        "/.git",
        "./.git",
        ".git/",
        "  .git  ",
        "\ufeff.git\n",
        "**/.git",
        ".git*",
        ".g?t",
        ".*",
        "*",
        "**",
        "\\.git",
        "x\n.git\r\n!y",
        "!.git\n.git",
        "*git",
    ],
)
def test_excluded(content: str) -> None:
    assert excludes(content, ".git")
    assert excludes(content, ".git/config")


@pytest.mark.parametrize(
    "content",
    ["", "\n\n", "#.git", "git", ".gi", ".gitx", "x/.git", ".git\n!.git", "*/.git", "!*", ".git?", "*\n!.g*", "\\?git"],
)
def test_not_excluded(content: str) -> None:
    assert not excludes(content, ".git")


@pytest.mark.parametrize("content", [".git/config", ".git/*", ".git/**", "**/config", "*/config", ".git/**/config"])
def test_a_file_alone_is_excluded(content: str) -> None:
    assert excludes(content, ".git/config")
    assert not excludes(content, ".git")


def test_an_exception_below_an_excluded_folder_counts() -> None:
    assert not excludes(".git\n!.git/config", ".git/config")


@given(st.text(".git/*?\\!# \n", max_size=40))
def test_any_text_is_understood(content: str) -> None:
    assert excludes(content, ".git") in (True, False)


def test_a_pattern_takes_time_in_proportion_to_its_length() -> None:
    assert excludes("*" * (1 << 18) + "x\n" + ".git", ".git")  # a backtracking matcher would never end
