"""Stand-in servers: real HTTP and TLS, strict about every field, usable as fixtures and as commands."""
