"""Why the service said no, and what to do, in words for people."""

import re
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import unquote, urlsplit

from image_builder_adapters.azure_devops.answer import Meaning, error_text, meaning, plain, read_json
from image_builder_adapters.azure_devops.credential import Credential, PersonalAccessToken
from image_builder_adapters.http.client import HttpAnswer

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
