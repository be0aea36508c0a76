"""Signing through a notary service over HTTP, protocols v1 and v2."""
