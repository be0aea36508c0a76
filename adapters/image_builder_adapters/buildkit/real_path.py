"""Real paths of the sockets in BuildKit's addresses, to recognise two paths of one socket."""

import os
from collections.abc import Iterable

from image_builder_domain.buildkit_address import socket_path


def real_paths(addresses: Iterable[str | None]) -> dict[str, str]:
    """The real path of each ``unix`` address's path, links resolved; a socket need not exist."""
    paths = {socket_path(address) for address in addresses if address is not None} - {None}
    return {path: os.path.realpath(path) for path in paths if path is not None}
