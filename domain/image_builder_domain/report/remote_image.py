"""Images as a pipeline's report tells them, in the shape of our own reports: foreign objects are taken apart with care.

Whatever is missing or of the wrong kind is left empty; nothing else of them is kept.
"""

from typing import Any


def told_image(raw: dict[str, Any]) -> dict[str, Any]:
    """One entry of ``images``, complete."""
    return {
        "variant": _text(raw.get("variant")),
        "reference": _text(raw.get("reference")),
        "digest": _text(raw.get("digest")),
        "size": _number(raw.get("size")),
        "media_type": _text(raw.get("media_type")),
        "platforms": [each for each in _list(raw.get("platforms")) if isinstance(each, str)],
        "destinations": [_destination(each) for each in _objects(raw.get("destinations"))],
        "signatures": [_signature(each) for each in _objects(raw.get("signatures"))],
        "failure": _failure(raw.get("failure")),
        "log": _text(raw.get("log")),
        "duration_seconds": _number(raw.get("duration_seconds")),
    }


def listed_image(images: tuple[str, ...], digest: str | None, platforms: tuple[str, ...]) -> dict[str, Any]:
    """The one entry of a report that lists its images and tells no more."""
    places = [{"reference": image, "holds_digest": True, "reason": ""} for image in images]
    return told_image({"digest": digest, "platforms": list(platforms), "destinations": places})


def _destination(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "reference": _text(raw.get("reference")) or "",
        "holds_digest": raw.get("holds_digest") is True,
        "reason": _text(raw.get("reason")) or "",
    }


def _signature(raw: dict[str, Any]) -> dict[str, Any]:
    keys = ("signer", "reference", "digest", "status", "reason")
    numbers = ("attempts", "duration_seconds")
    return {key: _text(raw.get(key)) or "" for key in keys} | {key: _number(raw.get(key)) for key in numbers}


def _failure(raw: Any) -> dict[str, Any] | None:
    if not isinstance(raw, dict):
        return None
    return {
        "reason": _text(raw.get("reason")) or "",
        "engine_exit_code": _number(raw.get("engine_exit_code")),
        "last_lines": [each for each in _list(raw.get("last_lines")) if isinstance(each, str)],
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
