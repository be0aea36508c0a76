"""The error message in a registry's answer."""

from typing import Final

from image_builder_domain.json_object import json_object

from image_builder_adapters.console_text import single_line
from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.redaction import Redactor

_LONGEST: Final = 300


def error_text(answer: HttpAnswer, redactor: Redactor) -> str:
    """``status 403: DENIED: not yours``: the answer's status and its errors, in one line without secrets."""
    message = single_line(redactor.text(_message(answer.body)), _LONGEST)
    return f"status {answer.status}: {message}" if message else f"status {answer.status}"


def token_names(name: str) -> bool:
    """Whether a member of an answer with this name holds a token, which must not be shown."""
    return name.lower().endswith("token")


def _message(body: bytes) -> str:
    """``CODE: message`` of each error, or of OAuth's error fields; the plain text of any other body without a token."""
    text = body.decode("utf-8", "replace")
    content = json_object(text).value_or({})
    errors = content.get("errors")
    if isinstance(errors, list):
        messages = [_joined(error.get("code"), error.get("message")) for error in errors if isinstance(error, dict)]
        found = "; ".join(filter(None, messages))
    else:
        found = _joined(content.get("error"), content.get("error_description") or content.get("message"))
    return found or ("" if any(map(token_names, content)) else text)


def _joined(*parts: object) -> str:
    return ": ".join(part for part in parts if isinstance(part, str) and part)
