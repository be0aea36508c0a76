"""``scripts/demo``: what it prints, and whether the commands at its end build an image."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import get_tools
from tests.e2e.world import MANIFESTS
from tests.programs import require, require_buildkit
from toolchain import pins

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
MOST_LINES = 60
LOOK = """
import json, sys, urllib.request
place = open(sys.argv[1]).read().removeprefix("registry: ").strip()
host, path = place.split("/")
request = urllib.request.Request(f"http://{host}/v2/{path}/hello/manifests/latest", headers={"Accept": sys.argv[2]})
print("layers", len(json.load(urllib.request.urlopen(request))["layers"]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's environment, with a proxy that leads nowhere."""
    require_buildkit()
    home = tmp_path_factory.mktemp("demo")
    kept = {name: os.environ[name] for name in ("PATH", "IMAGE_BUILDER_TOOLS") if name in os.environ}
    dead = "http://127.0.0.1:9"
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "größer state"),
        "http_proxy": dead,
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture(scope="module")
def printed(environment: dict[str, str]) -> list[str]:
    """What it prints, standard error first."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stderr + done.stdout).splitlines()


def test_all_it_prints_fits_on_a_page(printed: list[str]) -> None:
    facts = get_tools.facts(["demo"], pins.load_parts(get_tools.PINS), {}, 1000)
    told_before = [tool for tool in pins.load(get_tools.PINS).values() if get_tools.needed(tool, facts)]
    assert len(printed) + len(told_before) <= MOST_LINES, "\n".join(printed)


def test_it_leaves_no_log_outside_the_folder_of_its_last_run(printed: list[str], environment: dict[str, str]) -> None:
    assert printed
    state = Path(environment["XDG_STATE_HOME"], "image-builder")
    logs = [path for path in state.rglob("*.log") if "buildkit" not in path.parts]
    assert {path.relative_to(state).parts[0].partition("-")[0] for path in logs} == {"demo"}
    assert len(list(state.glob("demo-*"))) == 1


def test_the_commands_at_its_end_build_an_image(
    printed: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    at = next(number for number, line in enumerate(printed) if line.startswith("Build your own image"))
    commands = "\n".join(printed[at + 1 :])
    config = Path(environment["XDG_STATE_HOME"], "image-builder", "first-image", "config.yaml")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    who = ("-c", "user.name=kim", "-c", "user.email=kim@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "--message=first")):
        subprocess.run([require("git"), *words], cwd=tmp_path, env=environment, check=True)
    look = f'set -e\n{commands}\n"$PYTHON" -c "$LOOK" "$CONFIG" "$ACCEPT"\nkill $!'
    variables = {
        "PYTHON": sys.executable,
        "LOOK": LOOK,
        "CONFIG": str(config),
        "ACCEPT": MANIFESTS,
        "no_proxy": "*",
        "CI": "false",
    }
    shell = [require("bash"), "-c", look]
    done = subprocess.run(
        shell, cwd=tmp_path, env=environment | variables, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("layers 1\n")
