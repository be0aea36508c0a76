"""Which users a build's own root has, and what an ordinary user lacks for it."""

from pathlib import Path

import pytest
from image_builder_adapters.kaniko.own_root import Identities, identities_of_root, identities_of_user
from image_builder_domain.build import EngineMissing
from returns.result import Result

from tests.programs import install_script

ENOUGH = "me:100000:65536"


def of_user(tmp_path: Path, users: str, groups: str, *programs: str) -> Result[Identities, EngineMissing]:
    for program in programs:
        install_script(tmp_path / "bin", program)
    for name, content in (("subuid", users), ("subgid", groups)):
        (tmp_path / name).write_text(content)
    files = str(tmp_path / "subuid"), str(tmp_path / "subgid")
    return identities_of_user(1000, 100, "me", {"PATH": f"{tmp_path}/bin"}, files)


def test_ordinary_user_is_root_inside_and_a_range_maps_the_others(tmp_path: Path) -> None:
    maps = of_user(tmp_path, f"you:1:65536\n{ENOUGH}\n", "1000:200000:70000\n", "newuidmap", "newgidmap").unwrap()
    assert maps.users == ((0, 1000, 1), (1, 100000, 65536))
    assert maps.groups == ((0, 100, 1), (1, 200000, 65536))
    assert maps.helpers == (f"{tmp_path}/bin/newuidmap", f"{tmp_path}/bin/newgidmap")


@pytest.mark.parametrize(
    ("users", "groups", "file"),
    [
        pytest.param("", ENOUGH, "subuid", id="no range"),
        pytest.param(ENOUGH, "you:100000:65536", "subgid", id="another user's range"),
        pytest.param("me:100000:1000", ENOUGH, "subuid", id="too small"),
        pytest.param("me:x:y\n:\n#", ENOUGH, "subuid", id="malformed"),
    ],
)
def test_missing_range_is_named_with_the_command_that_adds_it(
    tmp_path: Path, users: str, groups: str, file: str
) -> None:
    problem = str(of_user(tmp_path, users, groups, "newuidmap", "newgidmap").failure())
    assert f"{file} assigns me no 65536 identities" in problem
    assert "usermod" in problem


def test_missing_helper_is_named_with_its_package(tmp_path: Path) -> None:
    problem = str(of_user(tmp_path, ENOUGH, ENOUGH, "newuidmap").failure())
    assert problem.startswith("newuidmap is not installed; install the package uidmap")


def test_root_of_a_user_namespace_maps_every_user_of_it_to_itself(tmp_path: Path) -> None:
    for name in ("uid_map", "gid_map"):
        (tmp_path / name).write_text("         0       1000          1\n         1     100000      65536\n")
    assert identities_of_root(str(tmp_path)).users == ((0, 0, 1), (1, 1, 65536))
