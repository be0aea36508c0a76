"""Contracts: what any adapter must keep, as test classes to subclass; and stand-ins for the outside world."""

import sys

# A failing clause must show its values; the stand-ins, which are commands too, run without pytest.
if "pytest" in sys.modules:
    import pytest

    for module in (
        *("artifacts", "cancellation", "dockerfile_engine", "image_engine", "publishing_registry"),
        *("registry", "remote_pipeline", "signer", "source_tree", "verifier"),
    ):
        pytest.register_assert_rewrite(f"{__name__}.{module}")
