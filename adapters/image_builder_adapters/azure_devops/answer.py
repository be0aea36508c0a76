"""What an answer of the service means: good, worth another attempt, or final; and its JSON, read with care.

Decided by the ``typeKey`` of an error, then by the status, never by the message.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final

from image_builder_adapters.http.client import HttpAnswer

LARGEST_JSON: Final = 16 * 1024 * 1024
_MARK: Final = b"\xef\xbb\xbf"
_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
# Kinds of errors that do not pass with time, whatever the status they come with.
_FINAL_KINDS: Final = re.compile(
    r"NotFound|DoesNotExist|Denied|Unauthorized|Validation|Argument|OutOfRange|Invalid|NotSupported"
)
_LONGEST: Final = 2000


class Meaning(Enum):
    """What to do with an answer."""

    GOOD = "use it"
    TRANSIENT = "try again"
    SIGN_IN = "the credential is not accepted"
    FINAL = "refused"


@final
@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error in the service's words: its kind (empty when it tells none) and its message."""

    kind: str
    message: str


@final
@dataclass(frozen=True, slots=True)
class NoJson:
    """A body that is not the JSON it should be; ``cut_short`` when it ends too early."""

    cut_short: bool


def meaning(answer: HttpAnswer) -> Meaning:
    """What to do with an answer; a page to sign in may come with 200, 203, 302 or 401."""
    status = answer.status
    if 300 <= status < 400 or status in (203, 401) or (200 <= status < 300 and media_type(answer) == "text/html"):
        return Meaning.SIGN_IN
    if 200 <= status < 300:
        return Meaning.GOOD
    return Meaning.TRANSIENT if status in _TRANSIENT and not is_final(answer) else Meaning.FINAL


def is_final(answer: HttpAnswer) -> bool:
    """Whether an error says of itself that another attempt is of no use."""
    kind = error_text(answer).kind
    if answer.status == 503 and kind == "VssServiceException":  # the organization was stopped
        return True
    return answer.status != 429 and bool(_FINAL_KINDS.search(kind))


def media_type(answer: HttpAnswer) -> str:
    """The media type in lower case, without its parameters."""
    return (answer.header("content-type") or "").partition(";")[0].strip().lower()


def read_json(body: bytes) -> Any | NoJson:
    """The JSON of a body, which may begin with a byte order mark."""
    text = body.removeprefix(_MARK).decode("utf-8", "replace")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        ends_in_text = error.msg.startswith("Unterminated string")
        return NoJson(cut_short=ends_in_text or not text[error.pos :].strip())
    except (ValueError, RecursionError):
        return NoJson(cut_short=False)


def error_text(answer: HttpAnswer) -> ErrorText:
    """What an error says: as an envelope, as ``{"value": {"Message": ...}}``, as plain text, or nothing."""
    content = read_json(answer.body)
    if isinstance(content, dict):
        inner = content.get("value")
        message = content.get("message") or (inner.get("Message") if isinstance(inner, dict) else None)
        return ErrorText(plain(content.get("typeKey")), plain(message))
    if media_type(answer) == "text/plain":
        return ErrorText("", plain(answer.body.removeprefix(_MARK).decode("utf-8", "replace")))
    return ErrorText("", "")


def plain(value: Any) -> str:
    """A text of an answer, fit to be handled and of bounded length; empty when it is no text."""
    if not isinstance(value, str):
        return ""
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...").encode("utf-8", "replace").decode()


def word(value: Any) -> str:
    """A word of an enumeration in lower case; empty when it is none."""
    return value.strip().lower() if isinstance(value, str) else ""


def whole(value: Any) -> int | None:
    """A positive number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
