"""The modes. Each reads and decides, then shows its plan or carries it out; ``session`` does what is common to all."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from image_builder.session import Mode


def decider(mode: str) -> "Mode":
    """The function ``decide`` of the mode's module, which is loaded now."""
    decide: Mode = import_module(f"image_builder.modes.{mode}").decide
    return decide
