"""Faults of the service beyond the named ones: from public reports, and answers of other types, lengths and encodings.

A run is followed to its end in spite of each, on virtual time; a request to start is never repeated after it could have
arrived.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from image_builder_domain.remote_pipeline import (
    PipelineRefused,
    PipelineUnreachable,
    RunLost,
    RunUncertain,
    Verdict,
)
from image_builder_stand_ins.azure_devops import amendment
from image_builder_stand_ins.azure_devops.fault import Amend, Cut, Fault, HangUp, Replace, front_door, rate_limit
from image_builder_stand_ins.azure_devops.message import Answer, Operation, error, html_answer, json_answer, text_answer

from tests.contract.pipeline_bench import REQUEST, stage
from tests.contract.pipeline_scripts import LINES, own_lines, talk, until_canceled

RUN, BUILD, TIMELINE, LOGS, LOG = (
    Operation.GET_RUN,
    Operation.GET_BUILD,
    Operation.TIMELINE,
    Operation.LIST_LOGS,
    Operation.GET_LOG,
)
READS = (RUN, BUILD, TIMELINE, LOGS, LOG)
UNAVAILABLE = "TF10216: Azure DevOps services are currently unavailable. Try again later."
INTERNAL = "TF400898: An Internal Error Occurred. Activity Id: ba413ea7-279b-4917-8706-2805b83e1dd0."
TIMEOUT = "VS402335: The timeout period (00:10:00) elapsed prior to completion of the operation."
ELSEWHERE = (("Location", "https://elsewhere.example/"),)
DEEP = b"[" * 100_000


def records(change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Fault:
    return Amend(amendment.in_list(lambda record: change(record), "records"))


def shuffled(_request: object, answer: Answer) -> Answer:
    value = json.loads(answer.content)
    value["records"] = [*value["records"][::-1], None, 7, "x", {}, {"type": 7, "id": [], "order": "1"}]
    return answer.with_content(json_answer(value).body)


def extra_jobs(_request: object, answer: Answer) -> Answer:
    """A partial history, as some retried builds have it: an earlier attempt without parents, and a cycle."""
    value = json.loads(answer.content)
    old = {"type": "Task", "name": "build", "id": "old", "parentId": "gone", "attempt": 1, "state": "completed"}
    cycle = [{"type": "Phase", "id": "a", "parentId": "b"}, {"type": "Phase", "id": "b", "parentId": "a"}]
    value["records"] = [old, *cycle, *value["records"]]
    return answer.with_content(json_answer(value).body)


SURVIVED = [
    pytest.param((RUN,), Replace(json_answer(None)), 3, id="run-null"),
    pytest.param((RUN,), Replace(json_answer([])), 3, id="run-list"),
    pytest.param((RUN,), Replace(json_answer("inProgress")), 3, id="run-text"),
    pytest.param((RUN,), Replace(Answer(200)), 3, id="run-empty-body"),
    pytest.param((RUN,), Replace(Answer(204)), 3, id="run-204"),
    pytest.param((RUN,), Amend(amendment.put(state=7)), 3, id="run-state-number"),
    pytest.param((RUN,), Amend(amendment.put(state=None)), 3, id="run-state-null"),
    pytest.param((RUN,), Amend(amendment.put(state="")), 3, id="run-state-empty"),
    pytest.param((RUN,), Amend(amendment.put(state="unknown", result="unknown")), 3, id="run-state-unknown"),
    pytest.param((RUN,), Amend(amendment.put(state=" Completed ")), None, id="run-state-with-blanks"),
    pytest.param((RUN,), Amend(amendment.put(id="x", name=7, url=[], createdDate={})), None, id="run-other-types"),
    pytest.param((RUN,), Amend(amendment.content(lambda body: body[:-9])), 3, id="run-truncated"),
    pytest.param((RUN,), Replace(text_answer(408, "Request Timeout")), 3, id="run-408"),
    pytest.param((READS), Replace(error(503, "Exception", UNAVAILABLE)), 12, id="tf10216"),
    pytest.param((READS), Replace(error(500, "NullReferenceException", INTERNAL)), 12, id="tf400898"),
    pytest.param((READS), Replace(error(500, "SqlException", TIMEOUT)), 6, id="database-timeout"),
    pytest.param((READS), Replace(html_answer(502, "<html>Bad Gateway</html>")), 6, id="bad-gateway"),
    pytest.param((READS), Replace(html_answer(504, "<html>Gateway Timeout</html>")), 6, id="gateway-timeout"),
    pytest.param((READS), Replace(Answer(502)), 6, id="502-empty"),
    pytest.param((READS), Replace(Answer(429)), 4, id="429-without-headers"),
    pytest.param((READS), Replace(Answer(429, headers=rate_limit("soon"))), 4, id="429-retry-after-in-words"),
    pytest.param((READS), Replace(Answer(429, headers=rate_limit("-5"))), 4, id="429-retry-after-negative"),
    pytest.param((READS), Replace(Answer(429, headers=rate_limit("9" * 400))), 2, id="429-retry-after-for-ever"),
    pytest.param((READS), Replace(front_door(503).with_headers(("Retry-After", "2"))), 5, id="503-retry-after"),
    pytest.param((READS), Cut(0), 5, id="cut-before-the-first-byte"),
    pytest.param((READS), Cut(1), 5, id="cut-after-one-byte"),
    pytest.param((BUILD,), Replace(json_answer(None)), 3, id="build-null"),
    pytest.param((BUILD,), Amend(amendment.put(status="inProgress")), 3, id="build-completes-later"),
    pytest.param((BUILD,), Amend(amendment.put(validationResults="x")), None, id="build-validation-text"),
    pytest.param((BUILD,), Amend(amendment.put(validationResults=[None, 1, {"message": []}])), None, id="build-odd"),
    pytest.param((TIMELINE,), Replace(json_answer({})), 3, id="timeline-without-records"),
    pytest.param((TIMELINE,), Replace(json_answer({"records": {"0": {}}})), 3, id="timeline-records-object"),
    pytest.param((TIMELINE,), Replace(json_answer({"records": []})), 3, id="timeline-no-records"),
    pytest.param((TIMELINE,), Replace(json_answer("x")), 3, id="timeline-text"),
    pytest.param((TIMELINE,), Amend(shuffled), None, id="timeline-of-odd-records"),
    pytest.param((TIMELINE,), Amend(extra_jobs), None, id="timeline-partial-history"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "issues": "x", "name": None}), None, id="issues-text"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "issues": [{"type": 1}] * 500}), None, id="many-issues"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "order": None, "attempt": "2"}), None, id="no-order"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "parentId": None}), None, id="no-parents"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "identifier": None}), None, id="no-identifiers"),
    pytest.param((TIMELINE,), records(lambda each: {**each, "log": None}), 2, id="logs-appear-later"),
    pytest.param(
        (TIMELINE,), records(lambda each: {**each, "state": "pending", "result": None}), 1, id="state-goes-back"
    ),
    pytest.param((LOGS,), Replace(json_answer(None)), 3, id="list-null"),
    pytest.param((LOGS,), Replace(json_answer({"value": {"id": 1}})), None, id="list-object"),
    pytest.param((LOGS,), Replace(Answer(204)), None, id="list-204"),
    pytest.param((LOGS,), Replace(front_door()), None, id="list-503-always"),
    pytest.param((LOGS,), Replace(error(403, "AccessDeniedException", "no")), None, id="list-403"),
    pytest.param(
        (LOGS,),
        Amend(amendment.in_list(lambda log: {**log, "id": str(log["id"]), "lineCount": "7"})),
        None,
        id="list-texts",
    ),
    pytest.param((LOGS,), Amend(amendment.in_list(lambda log: {**log, "lineCount": -1})), None, id="list-negative"),
    pytest.param((LOG,), Replace(Answer(204)), 2, id="log-204"),
    pytest.param((LOG,), Replace(text_answer(200, "")), 2, id="log-empty"),
    pytest.param((LOG,), Replace(json_answer({"count": 1, "value": ["x"]})), 3, id="log-as-json"),
    pytest.param((LOG,), Replace(html_answer(200, "<html>Sign In</html>")), 3, id="log-sign-in"),
    pytest.param((LOG,), Replace(error(500, "BlobStorageException", "The log blob is not there.")), 3, id="log-500"),
    pytest.param((LOG,), Replace(text_answer(416, "Requested Range Not Satisfiable")), 2, id="log-416"),
    pytest.param((LOG,), Amend(amendment.content(lambda body: body.removesuffix(b"\n"))), None, id="log-no-last-end"),
    pytest.param((LOG,), HangUp(), 4, id="log-hang-up"),
]


@pytest.mark.parametrize(("operations", "fault", "times"), SURVIVED)
def test_a_run_is_followed_to_its_end_and_each_line_comes_once_in_spite_of(
    operations: tuple[Operation, ...], fault: Fault, times: int | None
) -> None:
    with stage() as made:
        made.script = talk
        made.adapter = made.open(attempts=4)
        run = made.start()
        assert made.service.runs[0].completed.wait(10)
        made.service.inject(fault, on=operations, times=times)
        blocks = list[bytes]()
        found = made.adapter.follow(run, blocks.append, made.cancellation).unwrap()
        assert (found.verdict, own_lines(blocks)) == (Verdict.SUCCEEDED, LINES), found
        assert made.service.count(Operation.START_RUN) == 1


LOST = [
    pytest.param(Replace(json_answer({"state": 7})), "no state", id="state-never"),
    pytest.param(Replace(Answer(200, DEEP, "application/json")), "not one of Azure DevOps", id="deep-json"),
    pytest.param(Replace(Answer(200, b"x", "text/plain")), "not one of Azure DevOps", id="text"),
    pytest.param(
        Replace(error(404, "BuildNotFoundException", "The requested build 901 could not be found.")), "901", id="gone"
    ),
    pytest.param(Replace(Answer(410)), "410", id="410"),
    pytest.param(Replace(error(403, "AccessDeniedException", "no longer")), "no longer", id="permission-lost"),
    pytest.param(
        Replace(Answer(301, headers=(("Location", "https://elsewhere.example/"),))), "elsewhere.example", id="moved"
    ),
    pytest.param(Replace(error(503, "VssServiceException", "TF24668: stopped")), "TF24668", id="stopped"),
    pytest.param(HangUp(), "no usable answer", id="hang-up"),
]


@pytest.mark.parametrize(("fault", "expected"), LOST)
def test_a_run_that_disappears_is_lost_and_goes_on(fault: Fault, expected: str) -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.service.inject(fault, on=[RUN], times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).failure()
        assert isinstance(found, RunLost)
        assert expected in str(found)
        assert "the run continues" in str(found)
        assert made.cancellation.elapsed < 900
        assert made.service.count(Operation.CANCEL) == 0


STARTS: list[Any] = [
    pytest.param(Replace(text_answer(408, "Request Timeout")), RunUncertain, id="408"),
    pytest.param(Replace(Answer(429)), PipelineUnreachable, id="429-for-ever"),
    pytest.param(Replace(error(500, "NullReferenceException", INTERNAL)), RunUncertain, id="tf400898"),
    pytest.param(Replace(error(503, "Exception", UNAVAILABLE)), RunUncertain, id="tf10216"),
    pytest.param(Replace(html_answer(504, "<html>Gateway Timeout</html>")), RunUncertain, id="gateway-timeout"),
    pytest.param(Replace(json_answer(None)), RunUncertain, id="null"),
    pytest.param(Replace(json_answer({"id": -1})), RunUncertain, id="id-of-a-preview"),
    pytest.param(Replace(json_answer({"id": 9.5})), RunUncertain, id="id-with-a-fraction"),
    pytest.param(Replace(json_answer({"id": True})), RunUncertain, id="id-true"),
    pytest.param(Replace(Answer(204)), RunUncertain, id="204"),
    pytest.param(Replace(Answer(200, DEEP, "application/json")), RunUncertain, id="deep-json"),
    pytest.param(Replace(Answer(400)), PipelineRefused, id="400-without-a-body"),
    pytest.param(Replace(text_answer(413, "too large")), PipelineRefused, id="413"),
    pytest.param(Replace(error(409, "BuildExistsException", "exists")), PipelineRefused, id="409"),
    pytest.param(
        Replace(Answer(307, headers=(("Location", "https://elsewhere.example/"),))), PipelineRefused, id="307"
    ),
    pytest.param(HangUp(), RunUncertain, id="hang-up"),
]


@pytest.mark.parametrize(("fault", "expected"), STARTS)
def test_a_start_without_a_run_says_truly_what_is_known(fault: Fault, expected: type) -> None:
    with stage() as made:
        made.service.inject(fault, on=[Operation.START_RUN], times=None)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert type(found) is expected
        assert made.service.runs == ()
        assert made.service.count(Operation.START_RUN) <= (3 if expected is PipelineUnreachable else 1)
        assert "None" not in str(found)
