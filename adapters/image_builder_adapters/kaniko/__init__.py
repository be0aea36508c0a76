"""kaniko as an image engine: its executor in our own container, or in a root of its own for every build."""
