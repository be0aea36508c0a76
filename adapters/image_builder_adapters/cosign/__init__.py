"""Signing with the program ``cosign``: a key file, a key management service, or keyless."""
