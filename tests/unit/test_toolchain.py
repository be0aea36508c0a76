"""The single sources of pinned tools, and how programs are asked for their version."""

from dataclasses import replace
from pathlib import Path

import pytest

import get_tools
from tests.releases import TOOL, place, script
from toolchain import golang, pins, programs, wheel
from toolchain.pins import WheelSource
from toolchain.store import default_root

PINS = Path(get_tools.__file__).parent / "tools.toml"


def test_go_keeps_the_users_proxy_and_finds_a_home_where_none_is_set() -> None:
    environment = golang.go_environment({"GOPROXY": "https://proxy.example"})
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
    assert not programs.is_static(Path("/bin/ls"))


@pytest.mark.parametrize(
    ("needed", "environment", "ordinary_user", "expected"),
    [
        ("always", {"BUILDKIT_HOST": "tcp://daemon:1234"}, False, True),
        ("local-builds", {}, False, True),
        ("local-builds", {"BUILDKIT_HOST": "tcp://daemon:1234"}, False, False),
        ("rootless", {}, True, True),
        ("rootless", {}, False, False),
        ("tests", {"IMAGE_BUILDER_REQUIRE_TOOLS": "1"}, False, True),
        ("tests", {}, False, False),
        ("on-demand", {"IMAGE_BUILDER_REQUIRE_TOOLS": "1"}, True, False),
    ],
)
def test_a_tool_is_fetched_only_where_it_is_needed(
    needed: str, environment: dict[str, str], ordinary_user: bool, expected: bool
) -> None:
    assert get_tools.needed(replace(TOOL, needed=needed), environment, ordinary_user) is expected


def test_the_cache_folder_follows_xdg_and_ignores_a_relative_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/kim")
    assert default_root() == Path("/var/cache/kim/image-builder/tools")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_root() == Path("/home/kim/.cache/image-builder/tools")
