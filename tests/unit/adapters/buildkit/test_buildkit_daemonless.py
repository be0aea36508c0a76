"""The root of the daemon that ``buildctl-daemonless.sh`` starts: one for each side."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.buildkit.daemonless import DAEMONLESS, FLAGS, daemonless_flags, has_daemonless
from image_builder_domain.trust.job import Side


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
    given_flags = environment.get(FLAGS, "").split()
    assert daemonless_flags(environment, user, Side.UNMERGED) == (*given_flags, f"--root={root}")
    assert daemonless_flags(environment, user, Side.PRODUCTION) == tuple(given_flags)


@given(st.lists(st.sampled_from(("--root=/x", "--root", "/y", "--debug", "-root=/z")), max_size=4))
def test_no_two_sides_have_one_root(flags: list[str]) -> None:
    environment = {FLAGS: " ".join(flags)}
    last = {side: daemonless_flags(environment, 0, side)[-1:] for side in Side}
    assert len({last[Side.UNMERGED], last[Side.LOCAL], last[Side.PRODUCTION]}) == 3


@pytest.mark.parametrize("root", ["/a b", "/a*", "/a$b", "relative", "/a'b"])
def test_root_that_a_shell_would_change_rules_the_script_out_for_unmerged_code(root: str, tmp_path: Path) -> None:
    script = tmp_path / DAEMONLESS
    script.touch(mode=0o755)
    environment = {"PATH": str(tmp_path), FLAGS: shlex.join(["--debug"]), "HOME": root}
    assert has_daemonless(environment, 1000, Side.PRODUCTION)
    assert not has_daemonless(environment | {"HOME": root}, 1000, Side.UNMERGED)
    assert has_daemonless(environment | {"HOME": "/home/a"}, 1000, Side.UNMERGED)
    assert not has_daemonless({"PATH": "/nowhere", "HOME": "/home/a"}, 1000, Side.PRODUCTION)
