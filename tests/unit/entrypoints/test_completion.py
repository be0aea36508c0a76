"""Completion is made of the flag table; bash is asked what it would offer."""

import subprocess

import pytest
from image_builder.completion import script
from image_builder.flag_table import FLAGS, VERBS

from tests.programs import require


def offered(*words: str) -> list[str]:
    """What bash completes the last of these words to."""
    typed = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script('bash')}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _image_builder; echo ${{COMPREPLY[@]}}"
    )
    bash = [require("bash"), "--norc", "-c", code]
    return subprocess.run(bash, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("image-builder", "ver"), ["verify", "version"]),
        (("image-builder", "tags", "--tag"), ["--tag", "--tag-base64", "--tags-output-file"]),
        (("image-builder", "schema", "--na"), []),
        (("image-builder", "build", "--output", ""), ["human", "json"]),
        (("image-builder", "--nam"), ["--name"]),
        (("image-builder", "build", "--name", ""), []),
        (("image-builder", "completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_bash_offers_what_fits(words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(*words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_flag_and_verb_is_known_to_each_shell(shell: str) -> None:
    text = script(shell)
    dashes = "-l " if shell == "fish" else "--"
    assert all(f"{dashes}{name}" in text for name in FLAGS)
    assert all(verb in text for verb, _ in VERBS)
