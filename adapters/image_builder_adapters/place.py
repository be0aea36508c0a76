"""Where this process runs: in a container, at a terminal."""

import os

from image_builder_domain.job.local import Place

_OF_RUNTIMES = (".dockerenv", "run/.containerenv")
"""Files that Docker and Podman leave in the root of a container; other runtimes leave none."""


def find_place(root: str = "/") -> Place:
    """What is found below ``root``, and whether standard input, output or error is a terminal."""
    return Place(
        in_container=any(os.path.lexists(os.path.join(root, name)) for name in _OF_RUNTIMES),
        has_terminal=any(os.isatty(stream) for stream in range(3)),
    )
