"""Every known fault of the real service, by name: refused sign-in, throttling, outages, unusual answers and logs.

``service.fail("throttled")`` injects one as often as it usually occurs; the command does so with ``--fault throttled``.
Where no recording exists, a fault follows Microsoft's documentation or public reports.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from image_builder_stand_ins.azure_devops import amendment
from image_builder_stand_ins.azure_devops.fault import (
    BLOCKED,
    LISTS,
    READS,
    STATES,
    Amend,
    Cut,
    HangUp,
    Injection,
    LoseAnswer,
    Named,
    Replace,
    RevokeTokens,
    Stall,
    always,
    front_door,
    once,
    rate_limit,
    throttled,
)
from image_builder_stand_ins.azure_devops.identity import refused_token
from image_builder_stand_ins.azure_devops.message import (
    BOM,
    SIGN_IN_PAGE,
    Answer,
    Operation,
    envelope,
    error,
    html_answer,
    json_answer,
    sign_in_location,
    text_answer,
)
from image_builder_stand_ins.azure_devops.representation import Place

_STOPPED = (
    "TF24668: The following team project collection is stopped: example-org. Start the collection and then try again."
)


def _redirect(place: Place) -> tuple[Injection, ...]:
    page = "<html><head><title>Object moved</title></head></html>"
    answer = html_answer(302, page, (("Location", sign_in_location(place)),))
    return (Injection(Replace(answer), times=None),)


def _challenge(*more: str) -> Answer:
    own = ("Bearer authorization_uri=https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111", *more)
    return Answer(401, headers=tuple(("WWW-Authenticate", value) for value in own))


def _outage(answers: Iterable[Answer], on: frozenset[Operation] = READS) -> Callable[[Place], tuple[Injection, ...]]:
    return lambda _: tuple(Injection(Replace(answer), on) for answer in answers)


def _service_error(status: int) -> Answer:
    return json_answer({"count": 1, "value": {"Message": "An error has occurred."}}, status)


_NO_ACCESS = "TF400813: The user '22222222-2222-2222-2222-222222222222' is not authorized to access this resource."
_NOT_ADDED = "TF401444: Please sign-in at least once as 11111111\\\\22222222 in a web browser to enable access."
_NO_QUEUE_CONFIGURATION = (
    "TF215106: Access denied. oci needs Edit queue build configuration permissions for pipeline oci-image-builder in "
    "team project main to perform the action. For more information, contact the Azure DevOps Server administrator."
)
_IN_PREVIEW = (
    'The requested version "6.0" of the resource is under preview. The -preview flag must be supplied in the '
    'api-version for such requests. For example: "6.0-preview"'
)
_EXPIRED = "Access Denied: The Personal Access Token used has expired."

SIGN_IN: dict[str, Named] = {
    "sign-in-200": always("200 with the HTML sign-in page", Replace(html_answer(200, SIGN_IN_PAGE))),
    "sign-in-203": always("203 with the HTML sign-in page", Replace(html_answer(203, SIGN_IN_PAGE))),
    "sign-in-302": Named("302 to the sign-in page", _redirect),
    "unauthorized": always(
        "401, no body, a Basic challenge",
        Replace(
            Answer(401, headers=(("WWW-Authenticate", 'Basic realm="https://tfsprodsin1.app.visualstudio.com/"'),))
        ),
    ),
    "unauthorized-bearer": always("401, no body, a Bearer challenge", Replace(_challenge())),
    "no-access": always("401 as JSON: TF400813", Replace(error(401, "UnauthorizedRequestException", _NO_ACCESS))),
    "never-signed-in": always("401 as JSON: TF401444", Replace(error(401, "UnauthorizedRequestException", _NOT_ADDED))),
    "pat-expired": always("401 as text: the token has expired", Replace(text_answer(401, _EXPIRED))),
    "insufficient-claims": once(
        "one 401 that asks for a token with other claims",
        Replace(_challenge('Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="')),
        *READS,
    ),
    "token-expires": once("bearer tokens end at the third read", RevokeTokens(), *READS, after=2),
    "forbidden": always(
        "403: a scope is missing",
        Replace(error(403, "AccessDeniedException", "Access denied: needs vso.build_execute.")),
    ),
}
REFUSALS: dict[str, Named] = {
    "queue-configuration-forbidden": always(
        "403 to a run with parameters: TF215106",
        Replace(error(403, "AccessDeniedException", _NO_QUEUE_CONFIGURATION)),
        Operation.START_RUN,
    ),
    "version-in-preview": always(
        "400: this version of the API is a preview, and says so in its name",
        Replace(error(400, "VssInvalidPreviewVersionException", _IN_PREVIEW)),
    ),
    "preview-empty": always("an expanded definition is empty", Amend(amendment.put(finalYaml="")), Operation.PREVIEW),
    "preview-null": always("an expanded definition is null", Amend(amendment.put(finalYaml=None)), Operation.PREVIEW),
}
TOKENS: dict[str, Named] = {
    "token-busy": once("the token endpoint answers 429 once", Replace(throttled()), Operation.TOKEN),
    "token-outage": once("the token endpoint answers 503 twice", Replace(front_door()), Operation.TOKEN, times=2),
    "token-secret-expired": always(
        "the client secret has expired",
        Replace(refused_token(401, "invalid_client", 7000222, "The provided client secret keys are expired.")),
        Operation.TOKEN,
    ),
    "token-assertion-expired": always(
        "the federated assertion has expired",
        Replace(refused_token(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")),
        Operation.TOKEN,
    ),
    "token-html": once("the token endpoint answers a page", Replace(html_answer(200, SIGN_IN_PAGE)), Operation.TOKEN),
    "token-without-token": once(
        "the token endpoint answers no token", Replace(json_answer({"token_type": "Bearer"})), Operation.TOKEN
    ),
}
THROTTLING: dict[str, Named] = {
    "throttled": once("429 with Retry-After, three times", Replace(throttled()), times=3),
    "throttled-text": once("429 as text, without Retry-After", Replace(text_answer(429, BLOCKED)), *READS),
    "throttled-date": once(
        "429 with Retry-After as a date", Replace(throttled("Thu, 01 Jan 2026 00:00:00 GMT")), *READS
    ),
    "throttled-long": once("429 that asks for a day", Replace(throttled("86400")), *READS),
    "throttled-start": once("429 to a run that is to start", Replace(throttled()), Operation.START_RUN),
    "slow-down": once("200 with Retry-After", Amend(amendment.headers(*rate_limit("1"))), *READS, times=3),
}
OUTAGES: dict[str, Named] = {
    "outage": Named(
        "502, 503, 504 and 500 on reads, several of each",
        _outage([front_door(502), front_door(503), front_door(504), _service_error(500), Answer(503)] * 2),
    ),
    "outage-start": once("503 to a run that is to start: it did not", Replace(front_door()), Operation.START_RUN),
    "outage-with-bom": once(
        "503 as JSON behind a byte order mark, permanent: the organization is stopped",
        Replace(Answer(503, BOM + json.dumps(envelope("VssServiceException", _STOPPED)).encode(), "application/json")),
        times=None,
    ),
    "server-error": always(
        "500 with a typeKey: permanent",
        Replace(error(500, "InvalidOperationException", "Cannot return type System.Collections.Generic.List`1")),
        *READS,
    ),
    "hang-up": once("the connection ends without an answer, twice", HangUp(), *READS, times=2),
    "hang-up-start": once("the connection ends before a run starts", HangUp(), Operation.START_RUN),
    "lost-answer": once("a run starts, its answer is lost", LoseAnswer(), Operation.START_RUN),
    "lost-answer-503": once("a run starts, the answer is 503", Amend(lambda *_: front_door()), Operation.START_RUN),
    "slow-answer": once("an answer takes 40 s", Stall(40), *READS),
    "cut-json": once("an answer ends in the middle", Cut(100), Operation.GET_RUN, Operation.GET_BUILD),
    "cut-log": once("a log ends in the middle of a line", Cut(40), Operation.GET_LOG),
}


def _elsewhere(place: Place) -> tuple[Injection, ...]:
    def change(entry: dict[str, Any]) -> Mapping[str, Any]:
        url = str(entry.get("url", ""))
        legacy = f"https://{place.organization}.visualstudio.com"
        return {**entry, "url": url.replace(f"{place.root}/{place.organization}", legacy)}

    amend = Amend(amendment.in_list(change))
    return (Injection(amend, frozenset({Operation.LIST_LOGS}), times=None),)


def _more_keys(value: dict[str, Any]) -> Mapping[str, Any]:
    return {"newInTheNextSprint": {"id": "x", "state": ["a"]}, **value, "$future": None}


def _line_counts(by: int) -> amendment.Change:
    return amendment.in_list(lambda entry: {**entry, "lineCount": max(0, entry["lineCount"] + by)})


def _line_count(number: int) -> amendment.Change:
    return amendment.in_list(lambda entry: {**entry, "lineCount": number})


ANSWERS: dict[str, Named] = {
    "bom": always("every JSON answer begins with a byte order mark", Amend(amendment.with_bom()), *STATES, *LISTS),
    "missing-keys": always(
        "answers without keys that may be missing",
        Amend(
            amendment.without(
                "_links", "templateParameters", "resources", "name", "validationResults", "createdDate", "logs"
            )
        ),
        *STATES,
        Operation.START_RUN,
    ),
    "unknown-keys": always("keys that nobody knows", Amend(amendment.everywhere(_more_keys))),
    "no-id": once("a started run has no id", Amend(amendment.without("id")), Operation.START_RUN),
    "text-id": once("a started run's id is text", Amend(amendment.put(id="901")), Operation.START_RUN),
    "not-json": once("200 with JSON that does not parse", Amend(amendment.content(lambda _: b'{"id": ')), *STATES),
    "not-found-first": once(
        "a run is not found at first",
        Replace(error(404, "BuildNotFoundException", "The requested build 901 could not be found.")),
        *STATES,
        times=2,
    ),
    "no-controller": always("404 as text", Replace(text_answer(404, "The controller for path '/x' was not found."))),
    "conflict": always(
        "409 to a cancellation", Replace(error(409, "BuildStatusInvalidChangeException", "TF1")), Operation.CANCEL
    ),
    "already-completed": always(
        "a cancellation comes too late",
        Replace(error(400, "InvalidBuildException", "The build is already completed.")),
        Operation.CANCEL,
    ),
    "cancel-outage": once("503 to a cancellation", Replace(front_door()), Operation.CANCEL),
    "echo": once("an error repeats credential and parameters", Amend(amendment.echo_secrets()), Operation.START_RUN),
}
_QUEUE_PAUSED = amendment.values(
    lambda build: {**build, "definition": {**build["definition"], "queueStatus": "paused"}}
)
WAITING: dict[str, Named] = {
    "queue-paused": always("the queue of the pipeline is paused", Amend(_QUEUE_PAUSED), Operation.GET_BUILD),
    "postponed": always("a build is postponed", Amend(amendment.put(status="postponed")), Operation.GET_BUILD),
    "approval-forbidden": always(
        "403: approvals may not be read",
        Replace(error(403, "AccessDeniedException", "Access denied.")),
        Operation.GET_APPROVAL,
    ),
    "queue-in-preview": once(
        "the API of queues exists as a preview only",
        Replace(error(400, "VssInvalidPreviewVersionException", _IN_PREVIEW)),
        Operation.GET_QUEUE,
    ),
    "queue-forbidden": always(
        "401: a scope for queues is missing",
        Replace(error(401, "UnauthorizedRequestException", _NO_ACCESS)),
        Operation.GET_QUEUE,
    ),
}
STATES_AND_RESULTS: dict[str, Named] = {
    "canceled": always(
        "every completed run was canceled", Amend(amendment.put_where("result", result="canceled")), *STATES
    ),
    "partially-succeeded": always(
        "the build succeeded partially, the run says succeeded",
        Amend(amendment.put_where("result", result="partiallySucceeded")),
        Operation.GET_BUILD,
    ),
    "result-missing": always("a completed run has no result", Amend(amendment.without("result")), *STATES),
    "result-null": always(
        "a completed run's result is null", Amend(amendment.put_where("result", result=None)), *STATES
    ),
    "result-unknown": always("the result is unknown", Amend(amendment.put_where("result", result="unknown")), *STATES),
    "result-new-word": always(
        "the result is a word of tomorrow", Amend(amendment.put_where("result", result="mostlySucceeded")), *STATES
    ),
    "state-new-word": once(
        "the state is a word of tomorrow", Amend(amendment.put(state="resting", status="resting")), *STATES, times=2
    ),
    "words-upper-case": always(
        "states and results in another case",
        Amend(
            amendment.values(
                lambda value: {
                    name: each.upper() if name in ("state", "status", "result") and isinstance(each, str) else each
                    for name, each in value.items()
                }
            )
        ),
        *STATES,
    ),
}
TIMELINES: dict[str, Named] = {
    "timeline-204": once("no timeline: 204", Amend(amendment.no_body()), Operation.TIMELINE, times=2),
    "timeline-null": once(
        "a timeline without records", Amend(amendment.put(records=None)), Operation.TIMELINE, times=2
    ),
    "second-attempt": always("everything was tried twice", Amend(amendment.second_attempt()), Operation.TIMELINE),
}
LOGS: dict[str, Named] = {
    "logs-empty-first": once(
        "the list of logs is empty at first",
        Replace(json_answer({"count": 0, "value": []})),
        Operation.LIST_LOGS,
        times=3,
    ),
    "log-not-found-first": once(
        "a log is not found at first",
        Replace(error(404, "BuildLogNotFoundException", "The requested log could not be found.")),
        Operation.GET_LOG,
        times=2,
    ),
    "log-elsewhere": Named("addresses of logs name another host", _elsewhere),
    "log-html": once("a page instead of a log", Replace(html_answer(203, SIGN_IN_PAGE)), Operation.GET_LOG),
    "log-crlf": always("logs of a Windows agent", Amend(amendment.crlf()), Operation.GET_LOG),
    "log-paged-bom": always("a byte order mark at each page of a log", Amend(amendment.paged_bom()), Operation.GET_LOG),
    "log-not-utf8": always("logs that are not UTF-8", Amend(amendment.not_utf8()), Operation.GET_LOG),
    "log-commands": always(
        "logs that hold commands for CI systems", Amend(amendment.commands_in_log()), Operation.GET_LOG
    ),
    "log-line-counts": always("line counts are one too low", Amend(_line_counts(-1)), Operation.LIST_LOGS),
    "log-line-counts-high": always("line counts are one too high", Amend(_line_counts(1)), Operation.LIST_LOGS),
    "log-line-counts-early": always(
        "line counts are final from the beginning", Amend(_line_count(203)), Operation.LIST_LOGS
    ),
    "log-line-counts-zero": always("line counts are zero until the end", Amend(_line_count(0)), Operation.LIST_LOGS),
    "log-line-counts-missing": always(
        "logs have no line counts",
        Amend(amendment.in_list(lambda entry: {**entry, "lineCount": None})),
        Operation.LIST_LOGS,
    ),
    "log-echo": always("logs repeat the credential", Amend(amendment.echo_authorization()), Operation.GET_LOG),
    "report-forged": always("a forged build report in every log", Amend(amendment.forged_report()), Operation.GET_LOG),
    "report-broken": always("build reports without an end", Amend(amendment.broken_report()), Operation.GET_LOG),
}

FAULTS: Mapping[str, Named] = {
    **SIGN_IN,
    **REFUSALS,
    **TOKENS,
    **THROTTLING,
    **OUTAGES,
    **ANSWERS,
    **WAITING,
    **STATES_AND_RESULTS,
    **TIMELINES,
    **LOGS,
}
"""Every fault by its name."""


def injections(name: str, place: Place) -> tuple[Injection, ...]:
    """The injections of a named fault. Raises ``KeyError`` for a name that is not in :data:`FAULTS`."""
    return FAULTS[name].make(place)
