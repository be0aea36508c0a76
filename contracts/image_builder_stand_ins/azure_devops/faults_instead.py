"""Faults that come instead of the work: nobody is known, everything is busy or down, nothing arrives."""

import json
from collections.abc import Callable, Iterable

from image_builder_stand_ins.azure_devops import amendment
from image_builder_stand_ins.azure_devops.answer import (
    BOM,
    Answer,
    envelope,
    error,
    html_answer,
    json_answer,
    text_answer,
)
from image_builder_stand_ins.azure_devops.fault import (
    Amend,
    Cut,
    HangUp,
    Injection,
    LoseAnswer,
    Replace,
    RevokeTokens,
    Stall,
)
from image_builder_stand_ins.azure_devops.identity import refused_token
from image_builder_stand_ins.azure_devops.named_fault import (
    BLOCKED,
    READS,
    Named,
    always,
    front_door,
    once,
    rate_limit,
    throttled,
)
from image_builder_stand_ins.azure_devops.refusal import SIGN_IN_PAGE, sign_in_location
from image_builder_stand_ins.azure_devops.representation import Place
from image_builder_stand_ins.azure_devops.request import Operation

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
