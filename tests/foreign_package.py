"""Packages of other people, as they lie where Python finds them: a module, and an entry point that leads to it."""

from pathlib import Path
from textwrap import dedent


class Package:
    """Installs such packages into ``folder``; ``unique`` keeps the modules of different tests apart."""

    def __init__(self, folder: Path, unique: str, group: str) -> None:
        self.folder = folder
        self.unique = unique
        self.group = group

    def install(self, module: str, name: str, value: str, package: str) -> None:
        own = f"{package}_{self.unique}"
        (self.folder / f"{own}.py").write_text(dedent(module))
        info = self.folder / f"{package}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{self.group}]\n{name} = {own}:{value}\n")
