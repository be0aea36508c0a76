"""A definition as it would run: the text that previews answer with."""

from collections.abc import Mapping
from typing import Any

from image_builder_contracts.servers.azure_devops.parameter import declared, resolve
from image_builder_contracts.servers.azure_devops.yaml_source import load


def final_yaml(text: str, name: str, given: Mapping[str, Any]) -> str:
    """The definition with every template expression worked out. Raises ``RefusedError``."""
    root = load(text.replace("\r\n", "\n"), name)
    resolve(declared(root), given)
    return text
