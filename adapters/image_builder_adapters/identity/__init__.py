"""Identity tokens of CI jobs, verified with the keys of their issuer. Needs the extra ``pipeline`` (PyJWT)."""
