"""A list of tags in one text, as ``--tag-base64`` brings it."""

import base64
import binascii

from returns.result import Result, Success

from image_builder_domain.problem import Problems, refuse
from image_builder_domain.tag import outside_actions

FLAG = "--tag-base64"


def split_tags(text: str) -> tuple[str, ...]:
    """The elements of a comma-separated list, as they are; a comma inside ``{{ }}`` does not split."""
    commas = [place for place, character in enumerate(outside_actions(text)) if character == ","]
    starts, ends = [0, *(place + 1 for place in commas)], [*commas, len(text)]
    return tuple(text[start:end] for start, end in zip(starts, ends, strict=True))


def decode_tags(encoded: str) -> Result[tuple[str, ...], Problems]:
    """The tags in the value of ``--tag-base64``: base64 (line ends in it do not count) of a list in UTF-8.

    One line end after the list goes: ``echo`` writes it, and as a part of the last tag it would become a ``-``.
    """
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return refuse(
            FLAG, "this is no base64 of text in UTF-8", "encode it with base64, alphabet and padding included"
        )
    return Success(split_tags(text.removesuffix("\n").removesuffix("\r")))
