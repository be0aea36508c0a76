"""Whom a build's root knows, and what an ordinary user lacks."""

from pathlib import Path

import pytest
from image_builder_adapters.kaniko.own_root import Identities, identities_of_root, identities_of_user
from image_builder_domain.build import EngineMissing
from returns.result import Failure, Result


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("newuidmap", "newgidmap"):
        (folder / program).write_text("#!/bin/sh\n")
        (folder / program).chmod(0o755)
    return {"PATH": str(folder)}


def asked(tmp_path: Path, environment: dict[str, str], users: str, groups: str) -> Result[Identities, EngineMissing]:
    lent = tmp_path / "subuid", tmp_path / "subgid"
    for file, content in zip(lent, (users, groups), strict=True):
        file.write_text(content)
    return identities_of_user(1000, 100, "me", environment, (str(lent[0]), str(lent[1])))


def test_ordinary_user_is_root_inside_and_everybody_else_is_lent_to_him(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    found = asked(tmp_path, environment, "you:1:65536\nme:100000:65536\n", "1000:200000:70000\n").unwrap()
    assert found.users == ((0, 1000, 1), (1, 100000, 65536))
    assert found.groups == ((0, 100, 1), (1, 200000, 65536))
    assert found.helpers == tuple(f"{environment['PATH']}/{name}" for name in ("newuidmap", "newgidmap"))


@pytest.mark.parametrize(
    ("users", "groups", "where"),
    [
        pytest.param("", "me:100000:65536", "subuid", id="nobody-lent"),
        pytest.param("me:100000:65536", "you:100000:65536", "subgid", id="lent-to-somebody-else"),
        pytest.param("me:100000:1000", "me:100000:65536", "subuid", id="too-few"),
        pytest.param("me:x:y\n:\n#", "me:100000:65536", "subuid", id="nonsense"),
    ],
)
def test_what_is_not_lent_is_named_with_what_to_do(
    tmp_path: Path, environment: dict[str, str], users: str, groups: str, where: str
) -> None:
    found = asked(tmp_path, environment, users, groups)
    assert isinstance(found, Failure)
    assert f"{where} assigns me no 65536 identities" in str(found.failure())
    assert "usermod" in str(found.failure())


def test_missing_helper_is_named_with_its_package(tmp_path: Path) -> None:
    found = asked(tmp_path, {"PATH": str(tmp_path)}, "me:100000:65536", "me:100000:65536")
    assert isinstance(found, Failure)
    assert str(found.failure()).startswith("newuidmap is not installed; install the package uidmap")


def test_root_of_a_user_namespace_hands_on_whom_he_has(tmp_path: Path) -> None:
    for name in ("uid_map", "gid_map"):
        (tmp_path / name).write_text("         0       1000          1\n         1     100000      65536\n")
    assert identities_of_root(str(tmp_path)).users == ((0, 0, 1), (1, 1, 65536))
