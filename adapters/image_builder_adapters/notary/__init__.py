"""Signing through a notary service over HTTP, protocols v1 and v2."""

from image_builder_adapters.notary.signer import NotarySigner

__all__ = ["NotarySigner"]
