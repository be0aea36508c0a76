"""What a registry says about an error, short and fit to be shown."""

import json

from image_builder_adapters.console_text import neutralise
from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.redaction import Redactor

LONGEST = 300


def error_text(answer: HttpAnswer, redactor: Redactor) -> str:
    """``status 403: DENIED: not yours``: the answer's status and its errors, without secrets and control characters."""
    told = redactor.text(_told(answer.body))
    words = neutralise(" ".join(told.split()).encode("utf-8", "replace")).decode()
    short = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
    return f"status {answer.status}: {short}" if short else f"status {answer.status}"


def _told(body: bytes) -> str:
    """``CODE: message`` of each error, of OAuth's error fields, or else the plain text."""
    text = body.decode("utf-8", "replace")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(content, dict):
        return text
    errors = content.get("errors")
    if isinstance(errors, list):
        told = [_joined(error.get("code"), error.get("message")) for error in errors if isinstance(error, dict)]
        return "; ".join(filter(None, told)) or text
    return _joined(content.get("error"), content.get("error_description")) or text


def _joined(*parts: object) -> str:
    return ": ".join(part for part in parts if isinstance(part, str) and part)
