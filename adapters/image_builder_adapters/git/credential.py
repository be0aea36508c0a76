"""Credentials that lie in a checkout's git configuration, where a build context can carry them into an image.

CI systems leave them there so that later steps can fetch: ``actions/checkout`` as a header, GitLab and others in the
remote's URL. None of these is shown: the redactor learns every value.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from image_builder_adapters.git.directory import GitDirectory
from image_builder_adapters.regular_file import read_file

_LONGEST: Final = 8 << 10  # characters of a line that are looked at
_HEADER = re.compile(
    r"(?:\s*\[[^\]]*\])?\s*extraheader\s*=\s*\"?authorization:\s*(?P<scheme>\S+)\s+(?P<value>[^\s\"]+)", re.IGNORECASE
)
_URL = re.compile(r"://(?P<user>[^/?#\s:@]{0,4096}):(?P<password>[^/?#\s@]{1,4096})@")
_TOKEN = re.compile(r"://(?P<token>[^/?#\s:@]{20,4096})@")  # a user of this length is a token


def stored_credentials(directory: GitDirectory) -> tuple[str, ...]:
    """Secrets of the configuration (at most 1 MiB of it): passwords and tokens, as they lie there and decoded."""
    places = dict.fromkeys((directory.common, directory.own))
    texts = (read_file(os.path.join(place, "config"), "").value_or(b"") for place in places)
    lines = (line[:_LONGEST] for text in texts for line in text.decode("utf-8", "replace").splitlines())
    return tuple(dict.fromkeys(secret for line in lines for secret in _secrets(line)))


def _secrets(line: str) -> Iterator[str]:
    if "://" in line:
        for found in (*_URL.finditer(line), *_TOKEN.finditer(line)):
            secret = found[found.lastindex or 0]
            yield from (secret, unquote(secret))
    header = _HEADER.match(line) if "eader" in line.lower() else None
    if header is not None:
        yield header["value"]
        if header["scheme"].lower() == "basic":
            yield from _password(header["value"])


def _password(credential: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(credential, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return
    if ":" in decoded:
        yield decoded.partition(":")[2]
