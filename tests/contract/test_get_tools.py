"""How pinned tools come to a machine, against a web server of this process and fake programs."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import get_tools
from get_tools import Found, Missing, Toolbox
from tests.releases import TOOL, Releases, packed, place, released, says_version, script, serving
from toolchain import archive, pins
from toolchain.pins import DebianSource, Flags, GoSource, PathSource, SourceError, Tool
from toolchain.store import Store

PINS = Path(get_tools.__file__).parent / "tools.toml"
UNREACHABLE = "http://127.0.0.1:9/tool.tar.gz"


@pytest.fixture
def releases() -> Iterator[Releases]:
    with serving() as server:
        yield server


@pytest.fixture
def url(releases: Releases) -> str:
    return f"http://127.0.0.1:{releases.server_port}/{{version}}.tar.gz"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on ``PATH``, empty; and no host is known to be silent yet."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(archive, "_unreachable", set())
    return tmp_path / "path"


@pytest.fixture
def shelf(tmp_path: Path) -> Store:
    return Store(tmp_path / "a cache" / "tools")


def get(tool: Tool, shelf: Store) -> Found | Missing:
    return Toolbox({tool.name: tool}, shelf).get(tool.name)


def found(tool: Tool, shelf: Store) -> Found:
    result = get(tool, shelf)
    assert isinstance(result, Found), str(result)
    return result


def tried(tool: Tool, shelf: Store) -> str:
    result = get(tool, shelf)
    assert isinstance(result, Missing)
    return str(result)


def test_all_but_a_short_list_is_brought() -> None:
    tools = pins.load(PINS)
    there = {name for name, tool in tools.items() if not tool.can_be_brought}
    assert there == {"git", "shell", "util-linux", "coreutils", "uidmap"}
    assert all(tool.install for tool in tools.values())


def test_every_pinned_checksum_is_a_whole_sha256() -> None:
    tools = pins.load(PINS).values()
    digests = [digest for tool in tools if tool.archive for digest in tool.archive.sha256.values()]
    digests += [digest for tool in tools if tool.wheel for digest in tool.wheel.sha256]
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
    assert len(set(digests)) == len(digests)


def test_a_good_version_on_path_is_taken_and_nothing_is_downloaded(
    path: Path, shelf: Store, releases: Releases, url: str
) -> None:
    mine = place(path / "engine", says_version("1.5.0"))
    result = found(replace(TOOL, archive=released(url)), shelf)
    assert (result.origin, result.programs) == ("PATH", {"engine": mine})
    assert releases.asked == 0


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(says_version("1.4.9"), id="too-old"),
        pytest.param(script("echo engine version v0.0.0+unknown"), id="does-not-tell"),
        pytest.param(script("echo hello"), id="says-something-else"),
        pytest.param(b"\x00not a program", id="does-not-run"),
    ],
)
def test_anything_less_on_path_gives_way_to_the_official_release(
    path: Path, shelf: Store, url: str, content: bytes
) -> None:
    place(path / "engine", content)
    assert found(replace(TOOL, archive=released(url)), shelf).origin == "official release"


def test_a_program_that_cannot_tell_its_version_counts_when_it_has_every_flag(path: Path, shelf: Store) -> None:
    place(path / "engine", script('[ "$1" = help ] && echo "  --push  --all" || echo v0.0.0+unknown'))
    flags = {"engine": Flags(["help"], ["--push", "--all"])}
    assert found(replace(TOOL, path=PathSource((1, 5), flags=flags)), shelf).origin == "PATH"


def test_a_flag_that_only_begins_alike_does_not_count(path: Path, shelf: Store) -> None:
    place(path / "engine", script("echo '  --push-all'"))
    flags = {"engine": Flags(["help"], ["--push"])}
    assert "lacks --push" in tried(replace(TOOL, path=PathSource((1, 5), flags=flags)), shelf)


def test_a_program_known_by_another_name_is_found_and_linked_under_ours(path: Path, shelf: Store) -> None:
    place(path / "the-engine", says_version("1.6"))
    tool = replace(TOOL, path=PathSource((1, 5), names={"engine": ["engine", "the-engine"]}))
    folder = get_tools.bring({"engine": tool}, shelf, ["engine"])
    assert isinstance(folder, Path)
    assert (folder / "engine").resolve() == path / "the-engine"


def test_our_own_link_on_path_is_not_mistaken_for_a_program_that_was_there(
    shelf: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = replace(TOOL, archive=released(url))
    folder = get_tools.bring({"engine": tool}, shelf, ["engine"])
    monkeypatch.setenv("PATH", str(folder))
    assert get_tools.bring({"engine": tool}, shelf, ["engine"]) == folder
    assert found(tool, shelf).origin == "official release"


def test_a_release_with_another_checksum_is_refused_and_leaves_nothing(shelf: Store, url: str) -> None:
    said = tried(replace(TOOL, archive=released(url, b"what was pinned")), shelf)
    assert "SHA-256 is" in said
    assert hashlib.sha256(b"what was pinned").hexdigest() in said
    assert [file.name for file in shelf.root.iterdir()] == [".engine-2.0.0.lock"]


def test_a_release_that_holds_an_old_version_is_refused(shelf: Store, url: str) -> None:
    tool = replace(TOOL, archive=released(url), path=PathSource((3,)))
    assert "is 2.0.0, older than 3" in tried(tool, shelf)


def test_without_network_the_next_source_is_tried(path: Path, shelf: Store) -> None:
    place(path / "apt-get", script("echo > engine.deb"))
    place(
        path / "dpkg-deb",
        script('/bin/mkdir -p "$3"; echo "#!/bin/sh\necho engine 1.9" > "$3/e"; /bin/chmod 755 "$3/e"'),
    )
    tool = replace(TOOL, archive=released(UNREACHABLE), debian=DebianSource("engine", {"engine": ["no", "e"]}))
    assert found(tool, shelf).origin == "distribution's package"


def test_a_host_that_did_not_answer_is_not_asked_again(tmp_path: Path) -> None:
    for expected in ("refused", "did not answer before"):
        with pytest.raises(SourceError, match=expected):
            archive.fetch(TOOL, released(UNREACHABLE), tmp_path)


def test_where_nothing_works_one_message_names_what_to_install_and_all_that_was_tried(shelf: Store) -> None:
    one = replace(TOOL, archive=released(UNREACHABLE), debian=DebianSource("engine", {"engine": ["usr/bin/engine"]}))
    two = replace(TOOL, name="lathe", programs=["lathe"], install="the package lathe", archive=released(UNREACHABLE))
    said = get_tools.bring({"engine": one, "lathe": two}, shelf, ["engine", "lathe"])
    assert isinstance(said, str)
    for part in ("engine: please install the package engine", "no engine on PATH", UNREACHABLE, "no apt-get here"):
        assert part in said
    assert "lathe: please install the package lathe" in said


def test_the_second_run_needs_no_network(shelf: Store, releases: Releases, url: str) -> None:
    tool = replace(TOOL, archive=released(url))
    assert found(tool, shelf) == found(tool, shelf)
    assert releases.asked == 1


def test_of_many_runs_at_once_one_fetches_and_the_others_wait(shelf: Store, releases: Releases, url: str) -> None:
    tool = replace(TOOL, archive=released(url))
    results: list[Found | Missing] = []
    threads = [threading.Thread(target=lambda: results.append(get(tool, shelf))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [results[0]] * 8
    assert releases.asked == 1


def test_what_an_interrupted_run_left_is_swept_and_never_used(shelf: Store, url: str) -> None:
    left = place(shelf.root / ".engine-2.0.0-abc" / "engine", b"half of it").parent
    assert found(replace(TOOL, archive=released(url)), shelf).origin == "official release"
    assert not left.exists()


def test_one_folder_leads_to_all_that_was_fetched_or_was_there(path: Path, shelf: Store, url: str) -> None:
    lathe = place(path / "lathe", says_version("9.9"))
    engine = replace(TOOL, archive=released(url), applets=["motor"])
    tools = {"engine": engine, "lathe": replace(TOOL, name="lathe", programs=["lathe"])}
    folder = get_tools.bring(tools, shelf, ["engine", "lathe"])
    assert isinstance(folder, Path)
    assert sorted(link.name for link in folder.iterdir()) == ["engine", "lathe", "motor"]
    assert (folder / "lathe").resolve() == lathe
    for program in ("engine", "motor"):
        assert subprocess.run([folder / program], capture_output=True, check=True).stdout == b"engine version 2.0.0\n"


def test_what_cannot_be_brought_is_asked_for_before_anything_is_fetched(
    shelf: Store, releases: Releases, url: str
) -> None:
    lathe = replace(TOOL, name="lathe", programs=["lathe"], install="the package lathe")
    said = get_tools.bring({"engine": replace(TOOL, archive=released(url)), "lathe": lathe}, shelf, ["engine", "lathe"])
    assert isinstance(said, str)
    assert "lathe: please install the package lathe" in said
    assert "engine:" not in said
    assert releases.asked == 0


def test_go_compiles_in_the_modules_own_folder_with_nothing_ambient_in_the_way(
    path: Path, tmp_path: Path, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, caches = place(tmp_path / "module" / "go.mod", b"module engine").parent, shelf.root.parent / "go"
    compiler = f"""
case "$1" in
version) echo go version go1.26.6 linux/amd64 ;;
mod) [ "$4" = example.org/engine@v2.0.0 ] && echo '{{"Dir": "{module}"}}' ;;
build) [ "$PWD $GOFLAGS $GOTOOLCHAIN $GOOS" = "{module} -mod=readonly local " ] || exit 3
       [ "$GOPATH $GOMODCACHE $GOCACHE" = "{caches} {caches}/modules {caches}/build" ] || exit 5
       case "$4" in *"-X version.Version=v2.0.0") ;; *) exit 4 ;; esac
       printf '#!/bin/sh\\necho engine 2.0.0\\n' > "$6engine"; /bin/chmod 755 "$6engine" ;;
esac"""
    place(path / "go", script(compiler))
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    go = replace(TOOL, name="go", programs=["go"], path=PathSource((1, 26, 5), ["version"]))
    tool = replace(TOOL, go=GoSource("example.org/engine", "./cmd/{program}", "version.Version"))
    place(caches / "modules" / "engine@v2.0.0" / "go.mod", b"").parent.chmod(0o500)  # as Go makes them
    folder = get_tools.bring({"engine": tool, "go": go}, shelf, ["engine"])
    assert isinstance(folder, Path), folder
    assert (folder / "engine").is_file()
    assert not caches.exists()


def test_what_lies_in_a_go_module_as_it_is_is_copied(path: Path, tmp_path: Path, shelf: Store) -> None:
    module = place(tmp_path / "module" / "go.mod", b"module engine").parent
    place(module / "hack" / "engine.sh", script("echo engine 2.0.0"))
    place(path / "go", script(f"""[ $1 = mod ] && echo '{{"Dir": "{module}"}}' || echo go version go1.26.6"""))
    go = replace(TOOL, name="go", programs=["go"], path=PathSource((1, 26, 5), ["version"]))
    tool = replace(TOOL, go=GoSource("example.org/engine", files={"engine": "hack/engine.sh"}))
    result = Toolbox({"engine": tool, "go": go}, shelf).get("engine")
    assert isinstance(result, Found), str(result)
    assert result.programs["engine"].read_bytes() == script("echo engine 2.0.0")


def test_a_debian_package_is_a_release_too(shelf: Store, tmp_path: Path) -> None:
    data = packed("bin/engine", says_version("2.0.0"))
    members = [(b"debian-binary", b"2.0\n"), (b"control.tar.gz", b"odd"), (b"data.tar.gz", data)]
    package = b"!<arch>\n" + b"".join(
        b"%-16s%-12d%-6d%-6d%-8o%-10d`\n%s%s"
        % (name, 0, 0, 0, 0o644, len(content), content, b"\n" * (len(content) % 2))
        for name, content in members
    )
    file = place(tmp_path / "2.0.0.deb", package)
    assert found(replace(TOOL, archive=released(file.as_uri(), package)), shelf).origin == "official release"


def test_an_old_go_is_said_to_be_the_reason(path: Path, shelf: Store) -> None:
    place(path / "go", script("echo go version go1.19.8 linux/amd64"))
    go = replace(TOOL, name="go", programs=["go"], path=PathSource((1, 26, 5), ["version"]))
    tool = replace(TOOL, go=GoSource("example.org/engine", "./cmd/{program}"))
    result = Toolbox({"engine": tool, "go": go}, shelf).get("engine")
    assert "1.19.8, older than 1.26.5" in str(result)


def test_the_command_needs_nothing_but_python(tmp_path: Path) -> None:
    """Run as a newcomer's shell does: no site packages, an empty cache, and nothing on PATH, so that all is missing."""
    done = subprocess.run(
        [sys.executable, "-S", get_tools.__file__, "-e", "contract"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "http_proxy": UNREACHABLE, "https_proxy": UNREACHABLE},
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "please install git" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, locale: str) -> None:
    home = place(tmp_path / "größer und größer", b"a file")
    done = subprocess.run(
        [sys.executable, "-S", "-X", "utf8", get_tools.__file__, "-e", "lint"],
        env={"PATH": str(tmp_path), "HOME": str(home), "LC_ALL": locale},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    said = done.stderr.decode()
    assert said.count("\n") == 1
    assert "größer/.cache" in said
    assert "set XDG_CACHE_HOME" in said
