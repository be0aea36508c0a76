"""What an answer of the service means: good, worth another attempt, or final; and its JSON, read with care.

Decided by the ``typeKey`` of an error, then by the status, never by the message.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final
from urllib.parse import unquote, urlsplit

from image_builder_adapters.azure_devops.credential import Credential, PersonalAccessToken
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


_PLACE: Final = re.compile(r" \(Line: (\d+), Col: (\d+)\): ")
_BEFORE_A_FILE: Final = ":(\n"
_SCOPES: Final = "it needs the scopes Build (read) and, to run or cancel, Build (read and execute)"
_BY_KIND: Final = {
    "PipelineValidationException": "make the parameters contract (v1 or v2), and the definition, fit each other",
    "PipelineNotFoundException": "check ado-pipeline-id in the configuration",
    "ProjectDoesNotExistWithNameException": "check ado-organization-url and ado-project-name in the configuration",
    "BuildNotFoundException": "check that the run was not deleted, and that the credential may see it",
}
_NOT_THERE: Final = (
    "check ado-organization-url, ado-project-name and ado-pipeline-id, and that the credential may see them"
)


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that another attempt would not change. ``kind`` is the service's name for it, if it has one.

    ``is_sign_in``: the credential was not taken, which a proxy's or the service's bad minute can feign.
    """

    where: str
    reason: str
    remedy: str
    details: tuple[str, ...] = ()
    kind: str = ""
    status: int = 0
    is_sign_in: bool = False

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" + "".join(f"\n  {detail}" for detail in self.details)


def explain(where: str, answer: HttpAnswer, credential: Credential) -> Refusal:
    """What an answer that is not good says."""
    if meaning(answer) is Meaning.SIGN_IN:
        return _not_accepted(where, answer, credential)
    error = error_text(answer)
    lines = tuple(with_place(line) for line in (error.message or _from_header(answer)).split("\n") if line.strip())
    if error.kind == "PipelineValidationException":
        reason, details = "the pipeline cannot be run as asked", (*lines, *_validation_results(answer))
    else:
        reason = f"the service answered {answer.status}" + (f": {lines[0]}" if lines else "")
        details = (*lines[1:], *_validation_results(answer))
    return Refusal(where, reason, _remedy(answer.status, error.kind, credential), details, error.kind, answer.status)


def no_json(where: str) -> Refusal:
    """An answer with a good status that cannot be read."""
    return Refusal(where, "the answer is not what Azure DevOps answers", "check ado-organization-url and the proxy")


def with_place(message: str) -> str:
    """A message with its place first, as editors understand it: ``file:line:column: what``."""
    parts, done, start = list[str](), 0, 0
    for found in _PLACE.finditer(message):
        before = message[start : found.start()]
        file = before[max(map(before.rfind, _BEFORE_A_FILE)) + 1 :].lstrip()
        start = found.end()
        if file:
            parts += message[done : found.start() - len(file)], f"{file.lstrip('/')}:{found[1]}:{found[2]}: "
            done = start
    return "".join((*parts, message[done:]))


def _not_accepted(where: str, answer: HttpAnswer, credential: Credential) -> Refusal:
    error = error_text(answer)
    said = error.message.partition("\n")[0]
    if error.kind or "TF400813" in said or "TF401444" in said or not isinstance(credential, PersonalAccessToken):
        reason = f"{credential} is known, but has no access to this organization"
        remedy = "add it to the organization and the project, and check that the organization trusts its tenant"
    else:
        reason, remedy = f"{credential} is not accepted", f"check that it has not expired; {_SCOPES}"
    host = _sign_in_host(answer)
    reason += f" ({answer.status}{f', sent to {host}' if host else ''}{f': {said}' if said else ''})"
    return Refusal(where, reason, remedy, kind=error.kind, status=answer.status, is_sign_in=True)


def _sign_in_host(answer: HttpAnswer) -> str:
    """The host alone: the query of such an address is not for other eyes."""
    try:
        return urlsplit(answer.header("location") or "").hostname or ""
    except ValueError:
        return ""


def _remedy(status: int, kind: str, credential: Credential) -> str:
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if status == 403:
        return f"give {credential} the permission; {_SCOPES}"
    if status == 404:
        return _NOT_THERE
    return "try again later" if status >= 500 or status in (408, 429) else "see what the service says"


def _from_header(answer: HttpAnswer) -> str:
    return plain(unquote(answer.header("x-tfs-serviceerror") or ""))


def _validation_results(answer: HttpAnswer) -> tuple[str, ...]:
    content = read_json(answer.body)
    properties = content.get("customProperties") if isinstance(content, dict) else None
    results = properties.get("ValidationResults") if isinstance(properties, dict) else None
    return tuple(with_place(message) for message in messages_of(results))


def messages_of(results: object) -> tuple[str, ...]:
    """The messages in a list of objects, each with a ``message``; whatever else is there does not count."""
    found = results if isinstance(results, list) else []
    messages = (plain(each.get("message")) for each in found if isinstance(each, dict))
    return tuple(message for message in messages if message)
