"""BuildKit as an image engine: ``buildctl``, and a daemon that is there already or that we start."""
