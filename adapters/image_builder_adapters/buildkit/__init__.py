"""BuildKit as an image engine: ``buildctl`` with a running daemon, or with a private one of the run."""
