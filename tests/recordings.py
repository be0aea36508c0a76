"""Reference data from outside of the repository, for tests that compare with it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def recording(path: str) -> Any:
    """A recorded interaction as JSON; the test is skipped where the recordings are not at hand."""
    folder = os.environ.get("IMAGE_BUILDER_RECORDINGS")
    if not folder:
        pytest.skip("IMAGE_BUILDER_RECORDINGS names no folder: nothing to compare with")
    return json.loads((Path(folder) / path).read_text())
