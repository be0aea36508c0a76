"""Every fault that is known of the real service, by name.

``service.fail("throttled")`` lets one happen as often as is usual for it; ``--fault throttled`` does so in the command.
What no recording shows follows Microsoft's documentation or public reports.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from image_builder_contracts.servers.azure_devops import amendment
from image_builder_contracts.servers.azure_devops.answer import (
    BOM,
    Answer,
    envelope,
    error,
    html_answer,
    json_answer,
    text_answer,
)
from image_builder_contracts.servers.azure_devops.fault import (
    Amend,
    Cut,
    Fault,
    HangUp,
    Injection,
    LoseAnswer,
    Replace,
    RevokeTokens,
    Stall,
)
from image_builder_contracts.servers.azure_devops.identity import refused_token
from image_builder_contracts.servers.azure_devops.refusal import SIGN_IN_PAGE, sign_in_location
from image_builder_contracts.servers.azure_devops.representation import Place
from image_builder_contracts.servers.azure_devops.request import Operation

_READS = frozenset({Operation.GET_RUN, Operation.GET_BUILD, Operation.TIMELINE, Operation.LIST_LOGS, Operation.GET_LOG})
_LISTS = (Operation.LIST_RUNS, Operation.LIST_BUILDS, Operation.LIST_LOGS)
_STATES = (Operation.GET_RUN, Operation.GET_BUILD)
_BLOCKED = (
    "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource "
    "'Concurrency' in namespace 'User'. For more information on why your request was blocked, see the topic "
    '"Rate limits" on the Microsoft Web site.'
)
_STOPPED = (
    "TF24668: The following team project collection is stopped: example-org. Start the collection and then try again."
)


@final
@dataclass(frozen=True, slots=True)
class Named:
    """A fault with a name: what it is, and how it is made for a service at a place."""

    what: str
    make: Callable[[Place], tuple[Injection, ...]]


def injections(name: str, place: Place) -> tuple[Injection, ...]:
    """What to inject for a name. Raises ``KeyError`` for one that is not in :data:`FAULTS`."""
    return FAULTS[name].make(place)


def front_door(status: int = 503) -> Answer:
    """The page of the front door during an outage."""
    page = (
        "<!DOCTYPE html>\r\n<html><head><title>Visual Studio Team Services Unavailable</title></head>"
        "<body><h2>Sorry! Our services aren't available right now.</h2></body></html>\r\n"
    )
    return html_answer(status, page, (("Server", "Microsoft-IIS/10.0"),))


def rate_limit(retry_after: str) -> tuple[tuple[str, str], ...]:
    """The headers of throttling; ``retry_after`` is seconds or an HTTP date."""
    return (
        ("Retry-After", retry_after),
        ("X-RateLimit-Resource", "Core"),
        ("X-RateLimit-Delay", "1.250"),
        ("X-RateLimit-Limit", "200"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", str(int(time.time()) + 60)),
    )


def throttled(retry_after: str = "1") -> Answer:
    """429 with the words of the service."""
    return error(429, "RequestBlockedException", _BLOCKED, rate_limit(retry_after))


def _once(what: str, fault: Fault, *on: Operation, times: int | None = 1, after: int = 0) -> Named:
    return Named(what, lambda _: (Injection(fault, frozenset(on), times, after),))


def _always(what: str, fault: Fault, *on: Operation) -> Named:
    return _once(what, fault, *on, times=None)


def _redirect(place: Place) -> tuple[Injection, ...]:
    page = "<html><head><title>Object moved</title></head></html>"
    answer = html_answer(302, page, (("Location", sign_in_location(place)),))
    return (Injection(Replace(answer), times=None),)


def _elsewhere(place: Place) -> tuple[Injection, ...]:
    def change(entry: dict[str, Any]) -> Mapping[str, Any]:
        url = str(entry.get("url", ""))
        legacy = f"https://{place.organization}.visualstudio.com"
        return {**entry, "url": url.replace(f"{place.root}/{place.organization}", legacy)}

    amend = Amend(amendment.in_list(change))
    return (Injection(amend, frozenset({Operation.LIST_LOGS}), times=None),)


def _more_keys(value: dict[str, Any]) -> Mapping[str, Any]:
    return {"newInTheNextSprint": {"id": "x", "state": ["a"]}, **value, "$future": None}


def _challenge(*more: str) -> Answer:
    own = ("Bearer authorization_uri=https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111", *more)
    return Answer(401, headers=tuple(("WWW-Authenticate", value) for value in own))


def _line_counts(by: int) -> amendment.Change:
    return amendment.in_list(lambda entry: {**entry, "lineCount": max(0, entry["lineCount"] + by)})


def _outage(answers: Iterable[Answer], on: frozenset[Operation] = _READS) -> Callable[[Place], tuple[Injection, ...]]:
    return lambda _: tuple(Injection(Replace(answer), on) for answer in answers)


def _service_error(status: int) -> Answer:
    return json_answer({"count": 1, "value": {"Message": "An error has occurred."}}, status)


_NO_ACCESS = "TF400813: The user '22222222-2222-2222-2222-222222222222' is not authorized to access this resource."
_NOT_ADDED = "TF401444: Please sign-in at least once as 11111111\\\\22222222 in a web browser to enable access."
_EXPIRED = "Access Denied: The Personal Access Token used has expired."

_SIGN_IN = {
    "sign-in-200": _always("200 with the HTML sign-in page", Replace(html_answer(200, SIGN_IN_PAGE))),
    "sign-in-203": _always("203 with the HTML sign-in page", Replace(html_answer(203, SIGN_IN_PAGE))),
    "sign-in-302": Named("302 to the sign-in page", _redirect),
    "unauthorized": _always(
        "401, no body, a Basic challenge",
        Replace(
            Answer(401, headers=(("WWW-Authenticate", 'Basic realm="https://tfsprodsin1.app.visualstudio.com/"'),))
        ),
    ),
    "unauthorized-bearer": _always("401, no body, a Bearer challenge", Replace(_challenge())),
    "no-access": _always("401 as JSON: TF400813", Replace(error(401, "UnauthorizedRequestException", _NO_ACCESS))),
    "never-signed-in": _always(
        "401 as JSON: TF401444", Replace(error(401, "UnauthorizedRequestException", _NOT_ADDED))
    ),
    "pat-expired": _always("401 as text: the token has expired", Replace(text_answer(401, _EXPIRED))),
    "insufficient-claims": _once(
        "one 401 that asks for a token with other claims",
        Replace(_challenge('Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="')),
        *_READS,
    ),
    "token-expires": _once("bearer tokens end at the third read", RevokeTokens(), *_READS, after=2),
    "forbidden": _always(
        "403: a scope is missing",
        Replace(error(403, "AccessDeniedException", "Access denied: needs vso.build_execute.")),
    ),
}
_TOKENS = {
    "token-busy": _once("the token endpoint answers 429 once", Replace(throttled()), Operation.TOKEN),
    "token-outage": _once("the token endpoint answers 503 twice", Replace(front_door()), Operation.TOKEN, times=2),
    "token-secret-expired": _always(
        "the client secret has expired",
        Replace(refused_token(401, "invalid_client", 7000222, "The provided client secret keys are expired.")),
        Operation.TOKEN,
    ),
    "token-assertion-expired": _always(
        "the federated assertion has expired",
        Replace(refused_token(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")),
        Operation.TOKEN,
    ),
    "token-html": _once("the token endpoint answers a page", Replace(html_answer(200, SIGN_IN_PAGE)), Operation.TOKEN),
    "token-without-token": _once(
        "the token endpoint answers no token", Replace(json_answer({"token_type": "Bearer"})), Operation.TOKEN
    ),
}
_THROTTLING = {
    "throttled": _once("429 with Retry-After, three times", Replace(throttled()), times=3),
    "throttled-text": _once("429 as text, without Retry-After", Replace(text_answer(429, _BLOCKED)), *_READS),
    "throttled-date": _once(
        "429 with Retry-After as a date", Replace(throttled("Thu, 01 Jan 2026 00:00:00 GMT")), *_READS
    ),
    "throttled-long": _once("429 that asks for a day", Replace(throttled("86400")), *_READS),
    "throttled-start": _once("429 to a run that is to start", Replace(throttled()), Operation.START_RUN),
    "slow-down": _once("200 with Retry-After", Amend(amendment.headers(*rate_limit("1"))), *_READS, times=3),
}
_OUTAGES = {
    "outage": Named(
        "502, 503, 504 and 500 on reads, several of each",
        _outage([front_door(502), front_door(503), front_door(504), _service_error(500), Answer(503)] * 2),
    ),
    "outage-start": _once("503 to a run that is to start: it did not", Replace(front_door()), Operation.START_RUN),
    "outage-with-bom": _once(
        "503 as JSON behind a byte order mark, permanent: the organization is stopped",
        Replace(Answer(503, BOM + json.dumps(envelope("VssServiceException", _STOPPED)).encode(), "application/json")),
        times=None,
    ),
    "server-error": _always(
        "500 with a typeKey: permanent",
        Replace(error(500, "InvalidOperationException", "Cannot return type System.Collections.Generic.List`1")),
        *_READS,
    ),
    "hang-up": _once("the connection ends without an answer, twice", HangUp(), *_READS, times=2),
    "hang-up-start": _once("the connection ends before a run starts", HangUp(), Operation.START_RUN),
    "lost-answer": _once("a run starts, its answer is lost", LoseAnswer(), Operation.START_RUN),
    "lost-answer-503": _once("a run starts, the answer is 503", Amend(lambda *_: front_door()), Operation.START_RUN),
    "slow-answer": _once("an answer takes 40 s", Stall(40), *_READS),
    "cut-json": _once("an answer ends in the middle", Cut(100), Operation.GET_RUN, Operation.GET_BUILD),
    "cut-log": _once("a log ends in the middle of a line", Cut(40), Operation.GET_LOG),
}
_ANSWERS = {
    "bom": _always("every JSON answer begins with a byte order mark", Amend(amendment.with_bom()), *_STATES, *_LISTS),
    "missing-keys": _always(
        "answers without keys that may be missing",
        Amend(
            amendment.without(
                "_links", "templateParameters", "resources", "name", "validationResults", "createdDate", "logs"
            )
        ),
        *_STATES,
        Operation.START_RUN,
    ),
    "unknown-keys": _always("keys that nobody knows", Amend(amendment.everywhere(_more_keys))),
    "no-id": _once("a started run has no id", Amend(amendment.without("id")), Operation.START_RUN),
    "text-id": _once("a started run's id is text", Amend(amendment.put(id="901")), Operation.START_RUN),
    "not-json": _once("200 with JSON that does not parse", Amend(amendment.content(lambda _: b'{"id": ')), *_STATES),
    "not-found-first": _once(
        "a run is not found at first",
        Replace(error(404, "BuildNotFoundException", "The requested build 901 could not be found.")),
        *_STATES,
        times=2,
    ),
    "no-controller": _always("404 as text", Replace(text_answer(404, "The controller for path '/x' was not found."))),
    "conflict": _always(
        "409 to a cancellation", Replace(error(409, "BuildStatusInvalidChangeException", "TF1")), Operation.CANCEL
    ),
    "already-completed": _always(
        "a cancellation comes too late",
        Replace(error(400, "InvalidBuildException", "The build is already completed.")),
        Operation.CANCEL,
    ),
    "cancel-outage": _once("503 to a cancellation", Replace(front_door()), Operation.CANCEL),
    "echo": _once("an error repeats credential and parameters", Amend(amendment.echo_secrets()), Operation.START_RUN),
}
_WORDS = {
    "canceled": _always(
        "every completed run was canceled", Amend(amendment.put_where("result", result="canceled")), *_STATES
    ),
    "partially-succeeded": _always(
        "the build succeeded partially, the run says succeeded",
        Amend(amendment.put_where("result", result="partiallySucceeded")),
        Operation.GET_BUILD,
    ),
    "result-missing": _always("a completed run has no result", Amend(amendment.without("result")), *_STATES),
    "result-null": _always(
        "a completed run's result is null", Amend(amendment.put_where("result", result=None)), *_STATES
    ),
    "result-unknown": _always(
        "the result is unknown", Amend(amendment.put_where("result", result="unknown")), *_STATES
    ),
    "result-new-word": _always(
        "the result is a word of tomorrow", Amend(amendment.put_where("result", result="mostlySucceeded")), *_STATES
    ),
    "state-new-word": _once(
        "the state is a word of tomorrow", Amend(amendment.put(state="resting", status="resting")), *_STATES, times=2
    ),
    "words-upper-case": _always(
        "states and results in another case",
        Amend(
            amendment.values(
                lambda value: {
                    name: each.upper() if name in ("state", "status", "result") and isinstance(each, str) else each
                    for name, each in value.items()
                }
            )
        ),
        *_STATES,
    ),
}
_TIMELINES = {
    "timeline-204": _once("no timeline: 204", Amend(amendment.no_body()), Operation.TIMELINE, times=2),
    "timeline-null": _once(
        "a timeline without records", Amend(amendment.put(records=None)), Operation.TIMELINE, times=2
    ),
    "second-attempt": _always("everything was tried twice", Amend(amendment.second_attempt()), Operation.TIMELINE),
}
_LOGS = {
    "logs-empty-first": _once(
        "the list of logs is empty at first",
        Replace(json_answer({"count": 0, "value": []})),
        Operation.LIST_LOGS,
        times=3,
    ),
    "log-not-found-first": _once(
        "a log is not found at first",
        Replace(error(404, "BuildLogNotFoundException", "The requested log could not be found.")),
        Operation.GET_LOG,
        times=2,
    ),
    "log-elsewhere": Named("addresses of logs name another host", _elsewhere),
    "log-html": _once("a page instead of a log", Replace(html_answer(203, SIGN_IN_PAGE)), Operation.GET_LOG),
    "log-crlf": _always("logs of a Windows agent", Amend(amendment.crlf()), Operation.GET_LOG),
    "log-paged-bom": _always(
        "a byte order mark at each page of a log", Amend(amendment.paged_bom()), Operation.GET_LOG
    ),
    "log-not-utf8": _always("logs that are not UTF-8", Amend(amendment.not_utf8()), Operation.GET_LOG),
    "log-commands": _always(
        "logs that hold commands for CI systems", Amend(amendment.commands_in_log()), Operation.GET_LOG
    ),
    "log-line-counts": _always("line counts are one too low", Amend(_line_counts(-1)), Operation.LIST_LOGS),
    "log-line-counts-high": _always("line counts are one too high", Amend(_line_counts(1)), Operation.LIST_LOGS),
    "log-echo": _always("logs repeat the credential", Amend(amendment.echo_authorization()), Operation.GET_LOG),
    "report-forged": _always("a forged build report in every log", Amend(amendment.forged_report()), Operation.GET_LOG),
    "report-broken": _always("build reports without an end", Amend(amendment.broken_report()), Operation.GET_LOG),
}

FAULTS: Mapping[str, Named] = {
    **_SIGN_IN,
    **_TOKENS,
    **_THROTTLING,
    **_OUTAGES,
    **_ANSWERS,
    **_WORDS,
    **_TIMELINES,
    **_LOGS,
}
"""Every fault by its name."""


def named(name: str, place: Place, times: int | None) -> tuple[Injection, ...]:
    """The same as :func:`injections`, happening so often."""
    return tuple(replace(injection, times=times) for injection in injections(name, place))
