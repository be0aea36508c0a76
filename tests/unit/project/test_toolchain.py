"""The single sources of pinned tools, and how programs are asked for their version."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import get_tools
from tests.releases import TOOL, place, script
from toolchain import golang, pins, programs, wheel
from toolchain.pins import PathSource, SourceError, WheelSource
from toolchain.store import default_root

PINS = Path(get_tools.__file__).parent / "tools.toml"


def test_go_keeps_the_users_proxy_and_finds_a_home_where_none_is_set() -> None:
    environment = golang.go_environment({"GOPROXY": "https://proxy.example"}, Path("/caches"))
    assert environment["GOPROXY"] == "https://proxy.example"
    assert environment["HOME"]


def test_the_python_index_is_asked_for_one_version_with_hashes(tmp_path: Path) -> None:
    client = place(tmp_path / "uv", script('echo "$@" > "$PWD/said"; /bin/cat requirements.txt >> "$PWD/said"'))
    source = WheelSource("engine-bin", ["aa", "bb"], {"engine": "bin/engine"})
    assert wheel.fetch(TOOL, source, client, tmp_path) == {"engine": tmp_path / "wheel" / "bin" / "engine"}
    said = (tmp_path / "said").read_text()
    assert "--require-hashes" in said
    assert "engine-bin==2.0.0 --hash=sha256:aa --hash=sha256:bb" in said


def test_a_users_index_holds_for_pip_and_uv_alike() -> None:
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        environment = wheel.client_environment({name: "https://mirror.example/simple", "PIP_USER": "1"})
        assert environment["PIP_INDEX_URL"] == environment["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
        assert environment["PIP_USER"] == "0"


@pytest.mark.parametrize(
    ("tool", "said", "version"),
    [
        ("go", "go version go1.26.8 linux/amd64", "1.26.8"),
        ("uv", "uv 0.13.9 (x86_64-unknown-linux-gnu)", "0.13.9"),
        ("buildkit", "buildctl github.com/moby/buildkit v0.33.0 8f1c2b", "0.33.0"),
        ("buildkit", "buildkitd github.com/moby/buildkit 0.12.5", "0.12.5"),
        ("buildkit", "buildctl github.com/moby/buildkit v0.0.0+unknown ", None),
        ("runc", "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev", "1.1.5"),
        ("registry", "./registry github.com/distribution/distribution/v3 v3.1.2+unknown", "3.1.2"),
        ("registry", "docker-registry github.com/docker/distribution 2.8.2+ds1", "2.8.2"),
        ("registry", "registry 5.0 of something else", None),
        ("rootlesskit", "rootlesskit version 1.1.0", "1.1.0"),
        ("busybox", "BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.", "1.35.0"),
    ],
)
def test_the_version_is_read_from_what_the_real_programs_say(tool: str, said: str, version: str | None) -> None:
    assert programs.told_version(pins.load(PINS)[tool].path, said) == version


def test_versions_compare_as_numbers() -> None:
    assert pins.parse_version("1.26.10") > pins.parse_version("1.26.9")


def test_this_python_is_no_static_program_and_a_text_is_none_either() -> None:
    assert not programs.is_static(PINS)
    assert not programs.is_static(Path(sys.executable).resolve())


@pytest.mark.parametrize(
    ("needed", "words", "environment", "user", "expected"),
    [
        (["always"], ["-e", "lint"], {}, 0, True),
        (["e2e"], ["-e", "lint,types"], {}, 0, False),
        (["e2e"], [], {}, 0, True),
        (["demo"], [], {}, 0, False),
        (["demo"], ["-e", "demo"], {}, 0, True),
        (["unit"], ["-e", "system"], {}, 0, True),
        (["unit"], ["-e=mutation", "--", "-e", "e2e"], {}, 0, True),
        (["e2e"], ["-eunit", "--", "-e", "e2e"], {}, 0, False),
        (["contract"], ["-e", "unit,py312"], {}, 0, True),
        (["demo local"], ["-e", "demo"], {"BUILDKIT_HOST": "tcp://daemon:1234"}, 0, False),
        (["demo local", "e2e"], ["-e", "e2e"], {"BUILDKIT_HOST": "tcp://daemon:1234"}, 0, True),
        (["demo local ordinary"], ["-e", "demo"], {}, 0, False),
        (["demo local ordinary"], ["-e", "demo"], {}, 1000, True),
        ([], [], {}, 0, False),
    ],
)
def test_a_tool_is_fetched_only_where_it_is_needed(
    needed: list[str], words: list[str], environment: dict[str, str], user: int, expected: bool
) -> None:
    so = get_tools.facts(get_tools.parts_of(words), pins.load_parts(PINS), environment, user)
    assert get_tools.needed(replace(TOOL, needed=needed), so) is expected


@pytest.mark.parametrize("part", ["lint", "types", "package", "changelog", "unit", "system", "coverage"])
@pytest.mark.parametrize("user", [0, 1000])
def test_parts_without_engines_compile_nothing(part: str, user: int) -> None:
    so = get_tools.facts([part], pins.load_parts(PINS), {}, user)
    wanted = {name for name, tool in pins.load(PINS).items() if get_tools.needed(tool, so)}
    assert wanted <= {"uv", "shell", "git", "util-linux", "busybox"}


def test_every_need_is_made_of_words_that_can_be_so() -> None:
    parts = pins.load_parts(PINS)
    known = {"always", "local", "root", "ordinary", *(word for words in parts.values() for word in words)}
    assert {word for tool in pins.load(PINS).values() for need in tool.needed for word in need.split()} <= known


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        (f"another-user:1:9\n{os.geteuid()}:100000:65536\n", ""),
        (f"# nothing\n{os.geteuid()}:100000:65535\nanother-user:100000:65536\n", "does not give this user 65536"),
        (None, "No such file"),
    ],
)
def test_identities_must_be_lent_to_this_very_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranges: str | None, said: str
) -> None:
    helper = place(tmp_path / "newuidmap", script("true"))
    if ranges is not None:
        (tmp_path / "subuid").write_text(ranges)
    monkeypatch.setattr(programs, "RANGES", {"newuidmap": tmp_path / "subuid"})
    monkeypatch.setattr(programs, "may_map", lambda _: True)
    tool = replace(TOOL, path=PathSource(maps_identities=True))
    if said:
        with pytest.raises(SourceError, match=said):
            programs.check(tool, "newuidmap", helper)
    else:
        assert programs.check(tool, "newuidmap", helper)


def test_a_helper_without_privilege_maps_nothing(tmp_path: Path) -> None:
    helper = place(tmp_path / "newuidmap", script("true"))
    assert not programs.may_map(helper)
    if os.geteuid() == 0:
        helper.chmod(0o4755)
        assert programs.may_map(helper)


def test_the_cache_folder_follows_xdg_and_ignores_a_relative_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/kim")
    assert default_root() == Path("/var/cache/kim/image-builder/tools")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_root() == Path("/home/kim/.cache/image-builder/tools")
