"""Reference data of other people's systems, where it is at hand: it is never part of this repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def recordings(folder: str) -> Path:
    """The folder of that name; a test is skipped where the data is not."""
    root = os.environ.get("IMAGE_BUILDER_RECORDINGS")
    if not root:
        pytest.skip("IMAGE_BUILDER_RECORDINGS does not name a folder of recorded answers")
    return Path(root) / folder


def recorded(folder: str, name: str) -> Any:
    """One JSON file of the reference data."""
    return json.loads((recordings(folder) / name).read_text(encoding="utf-8"))
