"""Break the rules of the domain one by one and see whether a test notices: ``tox -e mutation``.

mutmut wants modules below the folder that it runs in, under the names that they are imported by; this project has
a folder for each layer. So packages and tests are copied side by side into ``.mutation/AREA/`` first, where
``mutmut show NAME`` shows a mutant afterwards. Arguments name areas, all without any. Prints for each area how many
mutants were killed and which survived; exit code 1 below the limit.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / ".mutation"
PACKAGES: Final = (
    "domain/image_builder_domain",
    "adapters/image_builder_adapters",
    "contracts/image_builder_contracts",
    "contracts/image_builder_stand_ins",
    "entrypoints/image_builder",
)
LIMIT: Final = 85
"""Per cent of the mutants of each area."""

# Modules of the domain by area, and the unit tests that know about them.
AREAS: Final = {
    "references": (("image/reference", "image/registry_prefix"), ("domain/image",)),
    "trust": (
        ("trust/side", "configuration/production_ref"),
        (
            *("domain/trust/test_side_decision.py", "domain/configuration/test_production_ref.py"),
            "domain/trust/test_trust_matrix.py",
        ),
    ),
    "signers": (("plan/signing",), ("domain/plan/test_signing.py", "domain/plan/test_build.py")),
    "tags": (("tag", "plan/tags"), ("domain/test_tag.py", "domain/test_tag_list.py", "domain/plan/test_tags.py")),
    "ado": (("plan/remote_parameters",), ("domain/plan/test_remote_parameters.py",)),
    "git": (("job/*",), ("domain/job",)),
}
# The same examples each time, and no search for the smallest one that fails: that it fails is all we ask.
_PROFILE: Final = """\
from hypothesis import Phase, settings

phases = (Phase.explicit, Phase.generate)
settings.register_profile("mutation", derandomize=True, deadline=None, database=None, max_examples=50, phases=phases)
settings.load_profile("mutation")
"""
_KILLED: Final = (1, 3, 24, 36, -24, 152, 255, -11, -9)
"""What mutmut notes of a mutant: a test failed, or the run ended otherwise than in peace."""


def main(names: list[str]) -> int:
    """Exit code: 0 when every area reaches the limit, else 1."""
    return max([_area(name) for name in names or AREAS])


def _area(name: str) -> int:
    folder = FOLDER / name
    _prepare(folder, *AREAS[name])
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1)]
    ended = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)
    if ended.returncode:
        print(f"{name}: mutmut ended with {ended.returncode}")
        return 1
    return _told(name, dict(_results(folder)))


def _prepare(folder: Path, modules: tuple[str, ...], tests: tuple[str, ...]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / Path(package).name, ignore=ignored)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    settings = {
        "source_paths": [Path(package).name for package in PACKAGES],
        "only_mutate": [f"image_builder_domain/{module}{'' if module[-1] == '*' else '.py'}" for module in modules],
        "pytest_add_cli_args_test_selection": [f"tests/unit/{test}" for test in tests],
        "also_copy": ["conftest.py"],
        "use_git_change_detection": False,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (folder / "conftest.py").write_text(_PROFILE)
    project = (ROOT / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]))


def _results(folder: Path) -> Iterator[tuple[str, int | None]]:
    for file in sorted((folder / "mutants").rglob("*.meta")):
        yield from json.loads(file.read_text())["exit_code_by_key"].items()


def _told(name: str, results: dict[str, int | None]) -> int:
    survived = [key for key, code in results.items() if code not in _KILLED]
    killed = len(results) - len(survived)
    percent = 100 * killed / max(len(results), 1)
    print(f"{name}: {killed} of {len(results)} mutants killed, {percent:.1f} %")
    for key in survived:
        print(f"  {key} ({results[key]})")
    return int(percent < LIMIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
