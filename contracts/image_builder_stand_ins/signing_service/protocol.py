"""What a notary service accepts, both protocols, down to every field; pure.

v1 (``Protocol.V1``) takes a JSON list with the digest and size of each image's *configuration*; v2 takes
``trustedCollections`` with those of its *manifest*. See :mod:`image_builder_stand_ins.signing_service`.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar, final

from image_builder_domain.image.reference import Digest, Repository, is_tag
from returns.pipeline import is_successful
from returns.result import Result, safe

_Value = TypeVar("_Value")
_HEX = re.compile(r"[0-9a-f]{64}")


class Protocol(Enum):
    """The two protocols; the value is the flag's spelling."""

    V1 = "v1"
    V2 = "v2"

    @property
    def success(self) -> int:
        """The one status that means success: v1 has signed, v2 has queued."""
        return 200 if self is Protocol.V1 else 202


@final
@dataclass(frozen=True, slots=True)
class SignedImage:
    """One image as the request names it. ``digest`` is the configuration's in v1 and the manifest's in v2."""

    gun: str
    tag: str
    digest: Digest
    size: int


class _RefusedError(ValueError):
    """Leaves the walk through the body at the first field that is wrong."""


def parse_body(protocol: Protocol, body: bytes) -> Result[tuple[SignedImage, ...], str]:
    """The images that a request body names, or the reason why the service refuses it."""
    parse = _v1 if protocol is Protocol.V1 else _v2
    return safe(exceptions=(_RefusedError,))(parse)(body).alt(str)


def _v1(body: bytes) -> tuple[SignedImage, ...]:
    return tuple(_v1_image(f"[{index}]", item) for index, item in _items("body", _load(body)))


def _v1_image(where: str, item: object) -> SignedImage:
    gun, digest, size, version = _fields(where, item, ("notaryGun", "sha256", "byteSize", "version"))
    return _image((where, "notaryGun", "version", "sha256"), gun, version, digest, size)


def _v2(body: bytes) -> tuple[SignedImage, ...]:
    (collections,) = _fields("body", _load(body), ("trustedCollections",))
    return tuple(
        image
        for index, collection in _items("trustedCollections", collections)
        for image in _v2_collection(f"trustedCollections[{index}]", collection)
    )


def _v2_collection(where: str, collection: object) -> Iterable[SignedImage]:
    gun, targets = _fields(where, collection, ("gun", "targets"))
    for index, target in _items(f"{where}.targets", targets):
        place = f"{where}.targets[{index}]"
        name, size, digest = _fields(place, target, ("name", "byteSize", "digest"))
        image = _image((place, "gun", "name", "digest"), gun, name, digest, size)
        _checked(f"{where}.gun", image.gun, "is not normalised: it must begin with the registry's host", _is_normalised)
        yield image


def _image(names: tuple[str, str, str, str], gun: object, tag: object, digest: object, size: object) -> SignedImage:
    where, gun_name, tag_name, digest_name = names
    return SignedImage(
        _checked(f"{where}.{gun_name}", _text(f"{where}.{gun_name}", gun), "is not a repository", _is_repository),
        _checked(f"{where}.{tag_name}", _text(f"{where}.{tag_name}", tag), "is not a tag", is_tag),
        Digest(
            "sha256:"
            + _checked(
                f"{where}.{digest_name}",
                _text(f"{where}.{digest_name}", digest),
                "must be 64 lower-case hexadecimal digits without a prefix",
                lambda text: _HEX.fullmatch(text) is not None,
            )
        ),
        _size(f"{where}.byteSize", size),
    )


def _is_repository(text: str) -> bool:
    return is_successful(Repository.parse(text))


def _is_normalised(text: str) -> bool:
    return Repository.parse(text).map(str).value_or("") == text


def _checked(where: str, value: _Value, problem: str, holds: Callable[[_Value], bool]) -> _Value:
    if not holds(value):
        raise _RefusedError(f"{where} {problem}")
    return value


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise _RefusedError(f"{where} must be a string")
    return value


def _size(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _RefusedError(f"{where} must be a whole number above 0")
    return value


def _items(where: str, value: object) -> Iterable[tuple[int, object]]:
    if not isinstance(value, list) or not value:
        raise _RefusedError(f"{where} must be a list that is not empty")
    return enumerate(value)


def _fields(where: str, value: object, names: tuple[str, ...]) -> tuple[object, ...]:
    if not isinstance(value, dict):
        raise _RefusedError(f"{where} must be an object")
    for name in names:
        if name not in value:
            raise _RefusedError(f"{where}.{name} is missing")
    for name in value:
        if name not in names:
            raise _RefusedError(f"{where}.{name} is unknown")
    return tuple(value[name] for name in names)


def _load(body: bytes) -> object:
    try:
        loaded: object = json.loads(body.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _RefusedError(f"the body is not JSON: {error}") from error
    return loaded


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError(f"a key appears twice among {sorted(name for name, _ in pairs)}")
    return found
