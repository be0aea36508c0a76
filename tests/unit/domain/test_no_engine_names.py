"""The domain names no engine: what differs between engines, each declares in its ``EngineType``."""

import re
from pathlib import Path

import image_builder_domain

ROOT = Path(image_builder_domain.__file__).parent
WIRE_FACTS = {
    "plan/remote_parameters.py": "parameters of the pipeline, and the variable that it reads",
    "source/build_argument.py": "build arguments that are predefined (Dockerfile reference, ARG)",
    "source/base_image.py": "a build argument that the Dockerfile's frontend defines",
    "source/dockerfile.py": "the parser that the Dockerfile reference describes",
}


def test_only_wire_facts_name_an_engine() -> None:
    named = {
        str(file.relative_to(ROOT))
        for file in ROOT.rglob("*.py")
        if re.search(r"kaniko|buildkit(?!e)", file.read_text(), re.IGNORECASE)
    }
    assert named == set(WIRE_FACTS)
