"""The program's first lines: help is light, and no end is a traceback."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

LOADED = "import sys; before = set(sys.modules); {}; print(*sorted(set(sys.modules) - before))"
MAIN = "import sys; from image_builder.__main__ import main; sys.exit(main())"


def python(code: str, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def test_the_scanner_loads_nothing_but_itself() -> None:
    loaded = python(LOADED.format("import image_builder.flags")).stdout.split()
    assert loaded == ["image_builder", "image_builder.flag_table", "image_builder.flags"]


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_help_and_version_load_nothing_else(flag: str) -> None:
    code = "import image_builder.__main__ as m; sys.stdout.flush(); m.main(); sys.stdout.flush()"
    loaded = python(LOADED.format(code), "--name", "x", flag).stdout.splitlines()[-1].split()
    assert {name for name in loaded if "." not in name} <= {"image_builder"}


@pytest.mark.parametrize(("module", "command"), [("__main__", "image-builder"), ("sign_only", "image-signer")])
def test_the_version_is_that_of_the_installed_distribution(module: str, command: str) -> None:
    ended = python(f"import sys; from image_builder.{module} import command; sys.exit(command())", "--version")
    assert (ended.returncode, ended.stdout) == (0, f"{command} {version('oci-image-builder')}\n")


@pytest.mark.parametrize("arguments", [["--help", "--tga", "x"], ["--version", "--tga=x"], ["biuld", "-h"]])
def test_a_mistake_beside_help_is_the_only_output(arguments: list[str]) -> None:
    ended = python(MAIN, *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "did you mean" in ended.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--name=x", "--help"], ["tags", "-h", "--version"]])
def test_help_wins(arguments: list[str]) -> None:
    ended = python(MAIN, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("image-builder ")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_a_reader_that_went_away_is_no_error(flag: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = python(MAIN, flag, stdout=writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_reported_without_a_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        ended = python(MAIN, "--help", stdout=full.fileno())
    assert ended.returncode == 8
    assert ended.stderr == "image-builder: standard output cannot be written: No space left on device\n"


# A command that ends in a way that ours never should, in the place of the real one.
ENDS_WITH = "import sys, types; cli = types.ModuleType('cli'); exec('def run(scan, started): raise {}', cli.__dict__); "
ENDS_WITH += "sys.modules['image_builder.cli'] = cli; " + MAIN.removeprefix("import sys; ")


@pytest.mark.parametrize("arguments", [[], ["--debug"]])
def test_a_bug_is_named_without_its_text(arguments: list[str]) -> None:
    ended = python(ENDS_WITH.format("ValueError(chr(83) * 9)"), *arguments)
    assert ended.returncode == 1
    assert "a bug in the tool: ValueError at <string>:1; please report it" in ended.stderr
    assert "S" * 9 not in ended.stderr
    assert ("File " in ended.stderr) == bool(arguments)


def test_an_early_interrupt_ends_with_130_and_no_traceback() -> None:
    ended = python(ENDS_WITH.format("KeyboardInterrupt"))
    assert (ended.returncode, ended.stderr) == (130, "image-builder: interrupted\n")


def test_signing_starts_without_anything_that_builds(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    signer = "{name: n, type: notary, config: {endpoint: 'https://sign.example'}}"
    config.write_text(f"sign-config: {{enabled-signers: {{'*': [n]}}, signers: [{signer}]}}")
    code = "from image_builder.sign_only import main; main()"
    asked = ("--config", str(config), "--images-to-sign", "r.example/a:v1", "--repo", "acme/demo", "--dry-run")
    ended = subprocess.run(
        [sys.executable, "-I", "-c", LOADED.format(f"{code}; sys.stdout.flush()"), *asked],
        env={"CI": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = ended.stdout.splitlines()[-1].split()
    assert "image_builder_adapters.notary" in loaded
    builders = ("buildkit", "kaniko", "azure_devops")
    assert not [name for name in loaded if name.split(".")[:2][-1] in builders]
