"""Command lines that run in this process, as the installed command would."""

import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest
from image_builder.__main__ import main


@final
@dataclass(frozen=True)
class Ended:
    """What a command line did."""

    code: int
    out: str
    err: str


@final
class CommandLines:
    """Runs command lines in a folder, with an environment that holds nothing but ``environment`` and ``PATH``."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def run(self, folder: Path, environment: Mapping[str, str], *words: str) -> Ended:
        """Run ``image-builder`` with these words."""
        with self._patch.context() as patch:
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in {"PATH": "/nowhere", "HOME": str(folder.parent), **environment}.items():
                patch.setenv(name, value)
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["image-builder", *words])
            self._capture.readouterr()
            try:
                code = main()
            finally:
                gc.unfreeze()
                gc.enable()
            printed = self._capture.readouterr()
        return Ended(code, printed.out, printed.err)
