"""The meaning of answers: recorded ones of the real service, and synthetic ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.azure_devops.answer import Meaning, NoJson, explain, meaning, read_json, with_place
from image_builder_adapters.azure_devops.credential import PersonalAccessToken
from image_builder_adapters.azure_devops.logs import read_list
from image_builder_adapters.azure_devops.search import moment
from image_builder_adapters.azure_devops.timeline import chains, failures, read_timeline, report_rank
from image_builder_adapters.http.client import HttpAnswer

from tests.recordings import recorded

PAT = PersonalAccessToken("very-secret-token")


def replayed(name: str) -> HttpAnswer:
    """A recorded answer as it came over the wire."""
    found = recorded("ado", name)["response"]
    text = json.dumps(found["body_json"]) if "body_json" in found else found.get("body_text", "")
    body = (b"\xef\xbb\xbf" if found.get("bom") else b"") + text.encode()
    headers = tuple((key, value) for key, values in found.get("headers", {}).items() for value in values)
    return HttpAnswer(found["status"], headers, body)


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("error-400-build-queue-validation.json", Meaning.FINAL, []),
        ("error-400-json-argument-exception.json", Meaning.FINAL, ["400"]),
        ("error-401-empty-body-basic-challenge.json", Meaning.SIGN_IN, ["is not accepted"]),
        ("error-401-json-tf400813.json", Meaning.SIGN_IN, ["TF400813", "has no access"]),
        ("error-404-build-not-found.json", Meaning.FINAL, ["could not be found"]),
        ("error-404-json-project-not-found.json", Meaning.FINAL, ["ado-project-name"]),
        ("error-404-textplain-controller.json", Meaning.FINAL, ["The controller for path", "ado-organization-url"]),
        ("error-500-log-json-on-public-project.json", Meaning.FINAL, []),
        ("error-503-html-front-door.json", Meaning.TRANSIENT, ["503"]),
        ("error-503-json-with-bom.json", Meaning.FINAL, ["TF24668"]),
        ("build-get-200-notstarted.json", Meaning.GOOD, []),
    ],
)
def test_recorded_answers_have_their_meaning(name: str, expected: Meaning, words: list[str]) -> None:
    answer = replayed(name)
    assert meaning(answer) is expected
    shown = str(explain("https://dev.azure.com/x", answer, PAT))
    assert all(word in shown for word in words), shown


def made(status: int, content_type: str, body: str = "", **headers: str) -> HttpAnswer:
    return HttpAnswer(status, (("Content-Type", content_type), *headers.items()), body.encode())


def envelope(kind: str, message: Any = "why", **more: Any) -> str:
    return json.dumps({"$id": "1", "message": message, "typeKey": kind, "errorCode": 0, **more})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (made(200, "application/json; charset=utf-8; api-version=7.1", "{}"), Meaning.GOOD),
        (made(204, ""), Meaning.GOOD),
        (made(200, "text/html; charset=utf-8", "<html>"), Meaning.SIGN_IN),
        (made(203, "application/json", "{}"), Meaning.SIGN_IN),
        (made(302, "text/html"), Meaning.SIGN_IN),
        (made(403, "application/json", envelope("AccessDeniedException")), Meaning.FINAL),
        (made(429, "application/json", envelope("RequestBlockedException")), Meaning.TRANSIENT),
        (made(429, "application/json", envelope("InvalidThing")), Meaning.TRANSIENT),
        (made(500, "application/json", envelope("PipelineNotFoundException")), Meaning.FINAL),
        (made(500, "application/json", envelope("DatabaseConnectionException")), Meaning.TRANSIENT),
        (made(500, "application/json", '{"count": 1, "value": {"Message": "oh"}}'), Meaning.TRANSIENT),
        (made(500, "text/html", "<html>"), Meaning.TRANSIENT),
        (made(502, ""), Meaning.TRANSIENT),
        (made(503, "application/json", envelope("VssServiceException")), Meaning.FINAL),
        (made(504, "text/plain", "later"), Meaning.TRANSIENT),
        (made(409, "application/json", envelope("Conflict")), Meaning.FINAL),
        (made(418, "text/plain"), Meaning.FINAL),
    ],
)
def test_answers_are_judged_by_their_kind_and_status(answer: HttpAnswer, expected: Meaning) -> None:
    assert meaning(answer) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": ', NoJson(cut_short=True)),
        (b'{"a": "b', NoJson(cut_short=True)),
        (b"", NoJson(cut_short=True)),
        (b"<html>", NoJson(cut_short=False)),
        (b"[" * 100_000, NoJson(cut_short=False)),
        (b"9" * 5000, NoJson(cut_short=False)),
    ],
)
def test_json_may_follow_a_byte_order_mark_and_truncation_is_detected(body: bytes, expected: object) -> None:
    assert read_json(body) == expected


def test_validation_errors_have_file_line_and_column() -> None:
    message = "/azure-pipelines.yml (Line: 3, Col: 5): Unexpected value 'x'\r\nUnexpected parameter 'Y'"
    found = explain("w", made(400, "application/json", envelope("PipelineValidationException", message)), PAT)
    assert found.details == ("azure-pipelines.yml:3:5: Unexpected value 'x'", "Unexpected parameter 'Y'")


def test_validation_results_are_details() -> None:
    more = {
        "customProperties": {"ValidationResults": [{"result": "error", "message": "no pool"}, 7, {"message": None}]}
    }
    found = explain("w", made(400, "application/json", envelope("BuildRequestValidationFailedException", **more)), PAT)
    assert found.details == ("no pool",)


def test_a_sign_in_address_is_shown_by_its_host_alone() -> None:
    location = "https://spsprodweu1.vssps.visualstudio.com/_signin?realm=dev.azure.com&context=private"
    shown = str(explain("w", made(302, "text/html", Location=location), PAT))
    assert "spsprodweu1.vssps.visualstudio.com" in shown
    assert "private" not in shown


def test_a_place_without_a_file_stays_as_it_is() -> None:
    assert with_place("(Line: 3, Col: 5): x") == "(Line: 3, Col: 5): x"


KINDS = ("text/plain", "application/json", "text/html", "")
STATUSES = (200, 302, 400, 401, 404, 429, 500, 503)


@given(st.binary(max_size=200), st.sampled_from(STATUSES), st.sampled_from(KINDS))
def test_no_answer_makes_it_raise(body: bytes, status: int, kind: str) -> None:
    answer = HttpAnswer(status, (("content-type", kind), ("location", "http://[x")), body)
    meaning(answer)
    str(explain("w", answer, PAT)).encode()


# --- timelines and lists ------------------------------------------------------------------------------------------


def body(name: str) -> Any:
    return recorded("ado", name)["response"]["body_json"]


def test_a_recorded_timeline_gives_its_tasks_in_order() -> None:
    records = read_timeline(body("timeline-get-200-completed.json"))
    assert [record.kind for record in records].count("job") == 1
    (chain,) = chains(records, completed=True)
    assert [record.log for record in chain.records if record.log is not None]
    assert all(record.kind == "task" for record in chain.records)


def test_a_recorded_failed_timeline_has_the_failed_records() -> None:
    found = failures(read_timeline(body("timeline-get-200-failed.json")))
    assert ("job", "failed") in {(each.kind, each.result) for each in found}
    assert all(each.result != "skipped" for each in found)


def test_a_recorded_timeline_may_be_empty() -> None:
    assert read_timeline(body("timeline-get-200-records-null.json")) == ()


def test_a_recorded_list_of_logs_is_counted() -> None:
    found = read_list(body("build-logs-list-200.json"))
    assert found[61] == 3756


RECORD = {
    "id": "t",
    "parentId": "j",
    "type": "Task",
    "name": "x",
    "state": "completed",
    "result": "succeeded",
    "order": 1,
}
JOB = {"id": "j", "type": "Job", "name": "Job", "order": 1, "state": "completed", "log": {"id": 9}}


def test_a_job_whose_tasks_have_no_logs_is_printed_by_its_own() -> None:
    records = read_timeline({"records": [RECORD, JOB]})
    assert [chain.records[0].kind for chain in chains(records, completed=True)] == ["job"]
    assert [chain.records[0].kind for chain in chains(records, completed=False)] == ["task"]


def test_a_jobs_log_is_left_out_when_its_tasks_have_logs() -> None:
    records = read_timeline({"records": [JOB, {**RECORD, "log": {"id": 5}}]})
    assert [record.log for chain in chains(records, completed=True) for record in chain.records] == [5]


def test_only_the_highest_attempt_counts() -> None:
    first = {**RECORD, "id": "a", "identifier": "J.x", "attempt": 1, "result": "failed"}
    second = {**RECORD, "id": "b", "identifier": "J.x", "attempt": 2}
    for order in ([first, second], [second, first]):
        assert [record.id for record in read_timeline({"records": order})] == ["b"]


@pytest.mark.parametrize(
    ("name", "rank"),
    [("print_image_build_report", 0), ("Print-image build report", 0), ("prepare_image_build_report", 1), ("x", None)],
)
def test_the_task_of_the_report_is_found_by_its_name(name: str, rank: int | None) -> None:
    (record,) = read_timeline({"records": [{**RECORD, "name": name}]})
    assert report_rank(record) == rank


WORDS = "records value id parentId type order log issues name result attempt identifier startTime message lineCount"
LOOSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS.split()), inner),
    max_leaves=20,
)


@given(LOOSE)
def test_no_timeline_and_no_list_makes_it_raise(content: Any) -> None:
    records = read_timeline({"records": [content, {"type": "Job", "id": "j"}, {"type": "Task", "parentId": "j"}]})
    read_timeline(content)
    read_list(content)
    list(failures(records))
    chains(records, completed=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.1234567Z", 1.1234567),
        ("0001-01-01T00:00:00", None),
        ("1970-13-01T00:00:01Z", None),
        (None, None),
    ],
)
def test_times_have_up_to_seven_digits_of_a_second(text: object, seconds: float | None) -> None:
    assert moment(text) == seconds
