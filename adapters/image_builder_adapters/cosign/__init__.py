"""Signing with the program ``cosign``: a key file, a key management service, or keyless."""

from image_builder_adapters.cosign.signer import CosignSigner

__all__ = ["CosignSigner"]
