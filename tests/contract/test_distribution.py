"""The wheel and the source distribution hold all of the product."""

import subprocess
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.programs import require

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "image_builder": "entrypoints",
    "image_builder_adapters": "adapters",
    "image_builder_contracts": "contracts",
    "image_builder_domain": "domain",
    "image_builder_stand_ins": "contracts",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both files; the wheel is made from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([require("uv"), "build", "--quiet", "--out-dir", str(folder), str(ROOT)], check=True)
    return folder


def modules(package: str) -> set[str]:
    """Every file of a package in git, from the package on."""
    listed = subprocess.run(
        [require("git"), "ls-files", package], cwd=ROOT / PACKAGES[package], check=True, capture_output=True, text=True
    )
    return set(listed.stdout.splitlines())


@pytest.mark.parametrize("package", PACKAGES)
def test_both_files_hold_every_module_and_the_mark_of_typed_packages(built: Path, package: str) -> None:
    stem = f"oci_image_builder-{version('oci-image-builder')}"
    expected = modules(package)
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= expected
    assert expected <= set(zipfile.ZipFile(built / f"{stem}-py3-none-any.whl").namelist())
    with tarfile.open(built / f"{stem}.tar.gz") as archive:
        assert {f"{stem}/{PACKAGES[package]}/{file}" for file in expected} <= set(archive.getnames())


def test_the_wheel_holds_no_other_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
