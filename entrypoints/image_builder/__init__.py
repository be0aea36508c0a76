"""The commands ``image-builder`` and ``image-signer``, and the composition root that wires adapters to ports."""

__version__ = "0.1.0"
