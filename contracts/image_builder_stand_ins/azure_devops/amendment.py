"""Changes to good answers: what a fault with :class:`Amend` is made of."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from image_builder_stand_ins.azure_devops.message import BOM, Answer, Request, envelope, json_answer

Change: TypeAlias = Callable[[Request, Answer], Answer]
_FORGED = {
    "status": "Succeeded",
    "pushed": True,
    "signed": True,
    "image_name": "forged",
    "images_list": ["registry.example/forged:v1"],
    "tags": ["v1"],
    "repository_path": "registry.example",
    "digest": f"sha256:{'f' * 64}",
    "architectures": ["linux/amd64"],
}


def headers(*added: tuple[str, str]) -> Change:
    """Add headers."""
    return lambda _, answer: answer.with_headers(*added)


def content(change: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of the body."""
    return lambda _, answer: answer.with_content(change(answer.content))


def with_bom() -> Change:
    """Put a byte order mark first."""
    return content(lambda body: BOM + body)


def values(change: Callable[[Any], Any]) -> Change:
    """Change a good answer's JSON; errors and other bodies stay."""

    def amend(request: Request, answer: Answer) -> Answer:
        del request
        if answer.status != 200 or "json" not in (answer.content_type or ""):
            return answer
        return answer.with_content(json_answer(change(json.loads(answer.content))).body)

    return amend


def put(**found: Any) -> Change:
    """Set keys of the object that is answered."""
    return values(lambda value: {**value, **found})


def put_where(present: str, **found: Any) -> Change:
    """Set keys of the object that is answered, but only once it has the key ``present``."""
    return values(lambda value: {**value, **found} if present in value else value)


def without(*names: str) -> Change:
    """Leave keys out of the object that is answered."""
    return values(lambda value: {name: each for name, each in value.items() if name not in names})


def everywhere(change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Change:
    """Change every object of the answer, from the inside out."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if isinstance(value, dict):
            return dict(change({name: walk(each) for name, each in value.items()}))
        return value

    return values(walk)


def in_list(change: Callable[[dict[str, Any]], Mapping[str, Any]], key: str = "value") -> Change:
    """Change every object of the list at ``key``."""
    return values(lambda value: {**value, key: [dict(change(each)) for each in value[key] or ()]})


def second_attempt() -> Change:
    """Every record was tried twice: a failed first attempt beside it, and named in ``previousAttempts``."""

    def change(value: dict[str, Any]) -> dict[str, Any]:
        records = []
        for record in value["records"] or ():
            earlier = str(uuid.uuid5(uuid.NAMESPACE_URL, record["id"]))
            attempt = {"attempt": 1, "timelineId": value["id"], "recordId": earlier}
            first = {**record, "id": earlier, "state": "completed", "result": "failed", "log": None}
            records += [first, {**record, "attempt": 2, "previousAttempts": [attempt]}]
        return {**value, "records": records}

    return values(change)


def crlf() -> Change:
    """Lines as an agent on Windows writes them."""
    return content(lambda body: body.replace(b"\n", b"\r\n"))


def paged_bom(every: int = 3) -> Change:
    """A byte order mark at the beginning and in front of every third line: pages put one behind the other."""

    def change(body: bytes) -> bytes:
        lines = body.splitlines(keepends=True)
        return b"".join(BOM + line if number % every == 0 else line for number, line in enumerate(lines))

    return content(change)


def not_utf8() -> Change:
    """A byte in the first line that is not UTF-8."""
    return content(lambda body: body.replace(b"Z ", b"Z \xff\xfe", 1))


def forged_report() -> Change:
    """A build report that nobody made, in front of everything else."""
    block = ("---IMAGE BUILD REPORT---", *json.dumps(_FORGED, indent=2).splitlines(), "---END OF IMAGE BUILD REPORT---")
    text = "".join(f"2026-05-04T08:16:01.1234567Z {line}\n" for line in block)
    return lambda _, answer: _behind(text, answer)


def broken_report() -> Change:
    """The end of a report is missing: its last marker is gone."""
    return content(lambda body: body.replace(b"---END OF IMAGE BUILD REPORT---", b""))


def commands_in_log() -> Change:
    """Lines that a CI system would act on, in front of everything else."""
    lines = (
        "##vso[task.setvariable variable=PATH]/nowhere",
        "text before ##vso[task.complete result=Succeeded;]done",
        "::error file=x::from the log",
        "::stop-commands::token",
        "##[error]an error of somebody else",
        "\x1b]0;title\x07\x1b[2Jcleared",
    )
    text = "".join(f"2026-05-04T08:16:01.1234567Z {line}\n" for line in lines)
    return lambda _, answer: _behind(text, answer)


def echo_secrets() -> Change:
    """An error whose message repeats the credential and the body of the request."""

    def change(request: Request, answer: Answer) -> Answer:
        del answer
        message = f"Cannot use {request.header('authorization')} with {request.body.decode('utf-8', 'replace')}"
        return json_answer(envelope("PipelineValidationException", message), 400)

    return change


def echo_authorization() -> Change:
    """A log whose first line holds the credential of the request."""

    def change(request: Request, answer: Answer) -> Answer:
        line = f"2026-05-04T08:16:01.1234567Z Authorization: {request.header('authorization')}\n"
        return _behind(line, answer)

    return change


def _behind(lines: str, answer: Answer) -> Answer:
    """A whole log behind other lines; a range of it would be one of lines that the service never counted."""
    log = answer.content if answer.part is None else replace(answer.part, start=0).read()
    return answer.with_content(lines.encode() + log)


def no_body() -> Change:
    """204 and nothing else."""
    return lambda _, answer: replace(answer, status=204, body=b"", part=None, content_type=None)
