"""Answers of the service: success, transient or permanent failure; their JSON; and their errors in words.

The ``typeKey`` of an error decides first, then the status. The message never decides.
"""

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final
from urllib.parse import unquote, urlsplit

from image_builder_adapters.azure_devops.credential import Credential, PersonalAccessToken
from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.http.retry import TRANSIENT_STATUSES

LARGEST_JSON: Final = 16 * 1024 * 1024
# Kinds of errors that are permanent with any status.
_FINAL_KINDS: Final = re.compile(
    r"NotFound|DoesNotExist|Denied|Unauthorized|Validation|Argument|OutOfRange|Invalid|NotSupported"
)
_LONGEST: Final = 2000
_PLACE: Final = re.compile(r" \(Line: (\d+), Col: (\d+)\): ")
_BEFORE_A_FILE: Final = ":(\n"
_SCOPES: Final = "it needs the scopes Build (read) and, to run or cancel, Build (read and execute)"
_HINTS: Final = {
    "PipelineValidationException": "make 'parameters' in ado-config (v1, v2 or v3) and the definition fit each other",
    "PipelineNotFoundException": "check ado-pipeline-id in the configuration",
    "ProjectDoesNotExistWithNameException": "check ado-organization-url and ado-project-name in the configuration",
    "BuildNotFoundException": "check that the run was not deleted, and that the credential may see it",
}
_VERSION_HINT: Final = "set api-version in ado-config to a version that this server has (Azure DevOps Server 2022: 7.0)"
_VERSION_KIND: Final = re.compile(r"Vss\w*Version\w*Exception")
_NEEDS_QUEUE_CONFIGURATION: Final = "TF215106"
_NOT_FOUND_HINT: Final = (
    "check ado-organization-url, ado-project-name and ado-pipeline-id, and that the credential may see them"
)


class Meaning(Enum):
    """What to do with an answer."""

    GOOD = "use it"
    TRANSIENT = "try again"
    SIGN_IN = "the credential is not accepted"
    FINAL = "refused"


@final
@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error of the service: its kind and its message, each empty if the answer has none."""

    kind: str
    message: str


@final
@dataclass(frozen=True, slots=True)
class NoJson:
    """A body that is not JSON; ``cut_short`` if it ends too early."""

    cut_short: bool


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """A permanent failure. ``kind`` is the service's name for it, if it has one.

    ``is_sign_in``: the service did not accept the credential. A proxy, or a short outage, can cause this too.
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


def meaning(answer: HttpAnswer) -> Meaning:
    """What to do with an answer. A sign-in page may come with 200, 203, 302 or 401."""
    status = answer.status
    if 300 <= status < 400 or status in (203, 401) or (200 <= status < 300 and answer.media_type == "text/html"):
        return Meaning.SIGN_IN
    if 200 <= status < 300:
        return Meaning.GOOD
    return Meaning.TRANSIENT if status in TRANSIENT_STATUSES and not is_final(answer) else Meaning.FINAL


def is_final(answer: HttpAnswer) -> bool:
    """Whether the kind of an error is permanent."""
    kind = error_text(answer).kind
    if answer.status == 503 and kind == "VssServiceException":  # the organization is stopped
        return True
    return answer.status != 429 and bool(_FINAL_KINDS.search(kind))


def read_json(body: bytes) -> Any | NoJson:
    """The JSON of a body, which may begin with a byte order mark."""
    text = body.removeprefix(BOM_UTF8).decode("utf-8", "replace")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        ends_in_text = error.msg.startswith("Unterminated string")
        return NoJson(cut_short=ends_in_text or not text[error.pos :].strip())
    except (ValueError, RecursionError):
        return NoJson(cut_short=False)


def as_object(value: object) -> dict[str, Any]:
    """``value`` if it is a JSON object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object) -> list[dict[str, Any]]:
    """The objects in a JSON list; anything else is ignored."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty if it is anything else."""
    return as_object(read_json(body))


def plain(value: object) -> str:
    """A string of bounded length with LF line ends; empty if ``value`` is not a string."""
    if not isinstance(value, str):
        return ""
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...").encode("utf-8", "replace").decode()


def word(value: object) -> str:
    """A value of an enumeration in lower case; empty if ``value`` is not a string."""
    return value.strip().lower() if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """A positive integer; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def error_text(answer: HttpAnswer) -> ErrorText:
    """The error in an answer: from an envelope, from ``{"value": {"Message": ...}}``, or from plain text."""
    content = read_json(answer.body)
    if isinstance(content, dict):
        message = content.get("message") or as_object(content.get("value")).get("Message")
        return ErrorText(plain(content.get("typeKey")), plain(message))
    if answer.media_type == "text/plain":
        return ErrorText("", plain(answer.body.removeprefix(BOM_UTF8).decode("utf-8", "replace")))
    return ErrorText("", "")


def explain(where: str, answer: HttpAnswer, credential: Credential) -> Refusal:
    """The refusal in an answer that is not good."""
    if meaning(answer) is Meaning.SIGN_IN:
        return _not_accepted(where, answer, credential)
    error = error_text(answer)
    message = error.message or plain(unquote(answer.header("x-tfs-serviceerror") or ""))
    lines = tuple(with_place(line) for line in message.split("\n") if line.strip())
    if error.kind == "PipelineValidationException":
        reason, details = "the pipeline cannot be run as requested", (*lines, *_validation_results(answer))
    else:
        reason = f"the service answered {answer.status}" + (f": {lines[0]}" if lines else "")
        details = (*lines[1:], *_validation_results(answer))
    return Refusal(where, reason, _hint(answer.status, error, credential), details, error.kind, answer.status)


def not_json(where: str) -> Refusal:
    """The refusal for a good status with a body that cannot be read."""
    return Refusal(where, "the answer is not one of Azure DevOps", "check ado-organization-url and the proxy")


def with_place(message: str) -> str:
    """A message with the place first, in the format of editors: ``file:line:column: message``."""
    parts, done, start = list[str](), 0, 0
    for found in _PLACE.finditer(message):
        before = message[start : found.start()]
        file = before[max(map(before.rfind, _BEFORE_A_FILE)) + 1 :].lstrip()
        start = found.end()
        if file:
            parts += message[done : found.start() - len(file)], f"{file.lstrip('/')}:{found[1]}:{found[2]}: "
            done = start
    return "".join((*parts, message[done:]))


def messages_of(results: object) -> tuple[str, ...]:
    """The ``message`` of each object in a list; anything else is ignored."""
    messages = (plain(each.get("message")) for each in as_objects(results))
    return tuple(message for message in messages if message)


def _not_accepted(where: str, answer: HttpAnswer, credential: Credential) -> Refusal:
    error = error_text(answer)
    said = error.message.partition("\n")[0]
    if error.kind or "TF400813" in said or "TF401444" in said or not isinstance(credential, PersonalAccessToken):
        reason = f"{credential} is known, but has no access to this organization"
        remedy = "add it to the organization and the project, and check that the organization trusts its tenant"
    else:
        reason, remedy = f"{credential} is not accepted", f"check that it has not expired; {_SCOPES}"
    host = _sign_in_host(answer)
    reason += f" ({answer.status}{f', redirected to {host}' if host else ''}{f': {said}' if said else ''})"
    return Refusal(where, reason, remedy, kind=error.kind, status=answer.status, is_sign_in=True)


def _sign_in_host(answer: HttpAnswer) -> str:
    """The host of the redirect, without its query, which may hold secrets."""
    try:
        return urlsplit(answer.header("location") or "").hostname or ""
    except ValueError:
        return ""


def _hint(status: int, error: ErrorText, credential: Credential) -> str:
    if error.kind in _HINTS:
        return _HINTS[error.kind]
    if _VERSION_KIND.fullmatch(error.kind):
        return _VERSION_HINT
    if _NEEDS_QUEUE_CONFIGURATION in error.message:
        return f"in the pipeline's security give {credential} 'Queue builds' and 'Edit queue build configuration'"
    if status == 403:
        return f"give {credential} the permission; {_SCOPES}"
    if status == 404:
        return _NOT_FOUND_HINT
    return "try again later" if status >= 500 or status in (408, 429) else "see the service's message"


def _validation_results(answer: HttpAnswer) -> tuple[str, ...]:
    properties = as_object(read_object(answer.body).get("customProperties"))
    return tuple(map(with_place, messages_of(properties.get("ValidationResults"))))
