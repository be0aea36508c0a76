"""The root of the daemon that ``buildctl-daemonless.sh`` starts: one for each side."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.buildkit.daemonless import DAEMONLESS, FLAGS, daemonless_flags, has_daemonless
from image_builder_domain.trust.side import Side

from tests.programs import install_script


@pytest.mark.parametrize(
    ("environment", "user", "root"),
    [
        ({}, 0, "/var/lib/buildkit/unmerged"),
        ({"HOME": "/home/user"}, 1000, "/home/user/.local/share/buildkit/unmerged"),
        ({FLAGS: "--debug --root=/data/"}, 0, "/data/unmerged"),
        ({FLAGS: "--root=/a -root /b --debug"}, 0, "/b/unmerged"),
    ],
)
def test_unmerged_code_gets_a_root_below_that_of_production(environment: dict[str, str], user: int, root: str) -> None:
    flags = tuple(environment.get(FLAGS, "").split())
    assert daemonless_flags(environment, user, Side.UNMERGED) == (*flags, f"--root={root}")
    assert daemonless_flags(environment, user, Side.PRODUCTION) == flags


@given(st.lists(st.sampled_from(("--root=/x", "--root", "/y", "--debug", "-root=/z")), max_size=4))
def test_no_two_sides_have_the_same_root(flags: list[str]) -> None:
    environment = {FLAGS: " ".join(flags)}
    last = {side: daemonless_flags(environment, 0, side)[-1:] for side in Side}
    assert len({last[Side.UNMERGED], last[Side.LOCAL], last[Side.PRODUCTION]}) == 3


@pytest.mark.parametrize("home", ["/a b", "/a*", "/a$b", "relative", "/a'b"])
def test_unmerged_code_does_not_use_the_script_if_its_shell_would_change_the_root(home: str, tmp_path: Path) -> None:
    install_script(tmp_path, DAEMONLESS)
    environment = {"PATH": str(tmp_path), FLAGS: "--debug", "HOME": home}
    assert has_daemonless(environment, 1000, Side.PRODUCTION)
    assert not has_daemonless(environment, 1000, Side.UNMERGED)
    assert has_daemonless(environment | {"HOME": "/home/a"}, 1000, Side.UNMERGED)


def test_script_that_is_not_installed_is_not_used() -> None:
    assert not has_daemonless({"PATH": "/nowhere", "HOME": "/home/a"}, 1000, Side.PRODUCTION)
