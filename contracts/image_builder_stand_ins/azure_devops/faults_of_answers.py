"""Faults of answers that do come: other words, missing and unknown keys, odd timelines and logs."""

from collections.abc import Mapping
from typing import Any

from image_builder_stand_ins.azure_devops import amendment
from image_builder_stand_ins.azure_devops.answer import error, html_answer, json_answer, text_answer
from image_builder_stand_ins.azure_devops.fault import Amend, Injection, Replace
from image_builder_stand_ins.azure_devops.named_fault import LISTS, STATES, Named, always, front_door, once
from image_builder_stand_ins.azure_devops.refusal import SIGN_IN_PAGE
from image_builder_stand_ins.azure_devops.representation import Place
from image_builder_stand_ins.azure_devops.request import Operation


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
WORDS: dict[str, Named] = {
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
    "log-echo": always("logs repeat the credential", Amend(amendment.echo_authorization()), Operation.GET_LOG),
    "report-forged": always("a forged build report in every log", Amend(amendment.forged_report()), Operation.GET_LOG),
    "report-broken": always("build reports without an end", Amend(amendment.broken_report()), Operation.GET_LOG),
}
