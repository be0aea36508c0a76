"""Credentials in a checkout's configuration are found, so that the redactor can learn them."""

import base64
from pathlib import Path

import pytest
from image_builder_adapters.git.credential import stored_credentials
from image_builder_adapters.git.directory import GitDirectory

BASIC = base64.b64encode(b"x-access-token:ghs_canary").decode()


def secrets(folder: Path, config: str) -> tuple[str, ...]:
    (folder / "config").write_text(config)
    return stored_credentials(GitDirectory(str(folder), str(folder), str(folder)))


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (f'[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic {BASIC}\n', (BASIC, "ghs_canary")),
        ("[http]extraHeader=Authorization: Bearer canary-1\n", ("canary-1",)),
        ('[http "x"]\n\textraheader = "AUTHORIZATION: bearer canary-2"\n', ("canary-2",)),
        ("[remote]\n\turl = https://gitlab-ci-token:canary-3@gitlab.example/a/b.git\n", ("canary-3",)),
        ("[remote]\n\turl = https://kim:can%2Fary@host/a\n", ("can%2Fary", "can/ary")),
        ("[remote]\n\turl = https://ghp_0123456789abcdefghij@github.com/a/b\n", ("ghp_0123456789abcdefghij",)),
        ("[remote]\n\turl = https://github.com/a/b.git\n", ()),
        ("[remote]\n\turl = https://acme@dev.azure.com/acme/_git/demo\n", ()),
        ("[remote]\n\turl = git@github.com:acme/demo.git\n", ()),
        ("[core]\n\tbare = false\n", ()),
        ("[http]\n\textraheader = X-Trace: 1\n", ()),
    ],
)
def test_a_configuration_holds(tmp_path: Path, config: str, found: tuple[str, ...]) -> None:
    assert secrets(tmp_path, config) == found


def test_a_missing_or_strange_configuration_holds_none(tmp_path: Path) -> None:
    assert stored_credentials(GitDirectory(str(tmp_path), str(tmp_path), str(tmp_path))) == ()
    assert secrets(tmp_path, "\0" * 100 + "extraheader = authorization: basic !!!") == ()
    assert secrets(tmp_path, "extraheader = authorization: basic !!!") == ("!!!",)
