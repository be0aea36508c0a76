"""Reads checkouts for tests."""

from pathlib import Path

from image_builder_adapters.git.checkout import read_checkout
from image_builder_domain.trust.checkout import Checkout, Claim, FoundCheckout, UnreadableCheckout

OTHER = "4" * 40
NOTHING = Claim()
NO_GIT = {"PATH": "/nowhere"}


def read(
    folder: Path, environment: dict[str, str], claim: Claim = NOTHING, workspace: Path | None = None
) -> FoundCheckout:
    """The checkout around a build context."""
    place = str(workspace) if workspace is not None else None
    return read_checkout(str(folder), place, claim, environment)[0]


def checkout(folder: Path, environment: dict[str, str], claim: Claim = NOTHING) -> Checkout:
    """A checkout that can be read."""
    found = read(folder, environment, claim)
    assert isinstance(found, Checkout), found
    return found


def unreadable(folder: Path, environment: dict[str, str]) -> str:
    """Why the checkout in a folder cannot be read."""
    found = read(folder, environment)
    assert isinstance(found, UnreadableCheckout), found
    assert found.where == str(folder / ".git")
    return found.reason
