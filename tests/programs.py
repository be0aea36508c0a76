"""Real programs that tests need, found on PATH."""

import os
import shutil
from typing import NoReturn

import pytest


def require(program: str) -> str:
    """The absolute path of ``program``; without it the test is skipped, or fails where the tools are promised."""
    found = shutil.which(program)
    if found is None:
        unavailable(f"{program} is not on PATH; scripts/test brings it")
    return found


def unavailable(reason: str) -> NoReturn:
    """End the test for want of something: skipped, or failed where the tools are promised."""
    if os.environ.get("IMAGE_BUILDER_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
