"""The stand-in's answers have the shape of recorded ones: the same keys in the same order, values of the same kinds.

And they are what the OpenAPI files say, as far as these agree with the recordings: lists are never bare arrays.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from image_builder_stand_ins.azure_devops import message as refusal
from image_builder_stand_ins.azure_devops.fault import Replace
from image_builder_stand_ins.azure_devops.faults import injections
from image_builder_stand_ins.azure_devops.message import BOM, Answer
from image_builder_stand_ins.azure_devops.representation import Place
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.azure_devops.service import AzureDevOps

from tests.azure_devops import DEFINITION, Client
from tests.recordings import recorded

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z|0001-01-01T00:00:00")
OPEN = {"templateParameters", "triggerInfo", "_links"}
"""Objects whose keys depend on the run."""
NOT_OURS = {"keepForever", "appendCommitMessageToRunName", "queueId"}
"""Keys that only some recordings have."""


def work(run: Run) -> str:
    with run.job("Build") as job:
        with job.task("one", "first", {"id": "x", "name": "Bash", "version": "3"}) as task:
            task.write("hello")
        with job.task("two") as task:
            task.issue("warning", "careful")
    return "succeeded"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with AzureDevOps.start() as service:
        service.add_pipeline("driven", DEFINITION, work)
        found = Client(service)
        found.finish(42, {"Name": "demo"})
        yield found


def body(name: str) -> Any:
    return recorded("ado", name)["response"]["body_json"]


def kind(value: Any) -> str:
    if isinstance(value, str) and TIME.fullmatch(value):
        return "time"
    return type(value).__name__


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """How an answer differs from a recorded one: keys, their order, kinds of values. Null fits everything."""
    if ours is None or theirs is None:
        return []
    if kind(ours) != kind(theirs):
        return [f"{where}: {kind(ours)} instead of {kind(theirs)}"]
    if isinstance(theirs, dict) and where.rpartition(".")[2] not in OPEN - {"_links"}:
        shared = [name for name in theirs if name not in NOT_OURS]
        order = [name for name in ours if name in shared]
        found = [] if order == shared else [f"{where}: keys are {order} instead of {shared}"]
        return found + [each for name in order for each in differences(ours[name], theirs[name], f"{where}.{name}")]
    if isinstance(theirs, list) and theirs:
        return [each for item in ours for each in differences(item, theirs[0], f"{where}[]")]
    return []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pipelines/42", "pipeline-get-200.json"),
        ("pipelines/42/runs/901", "run-get-200-completed-succeeded-2.json"),
        ("pipelines/42/runs", "run-list-200.json"),
        ("build/builds/901", "build-get-200-completed-system-identity.json"),
        ("build/builds", "build-list-200-mixed.json"),
        ("build/builds/901/logs", "build-logs-list-200.json"),
        ("build/builds/901/timeline", "timeline-get-200-completed.json"),
    ],
)
def test_an_answer_has_the_shape_of_the_recorded_one(client: Client, path: str, name: str) -> None:
    theirs = body(name)
    ours = client.ask(path).json()
    if "value" in theirs:  # of a mixed list the completed entry
        theirs["value"] = [each for each in theirs["value"] if each.get("result", "x") == each.get("result")][
            :1
        ] or theirs["value"][:1]
    assert differences(ours, theirs) == []


def test_the_comparison_bites(client: Client) -> None:
    theirs = body("build-get-200-completed-system-identity.json")
    ours = client.ask("build/builds/901").json()
    assert differences({**ours, "id": "901"}, theirs)
    assert differences({**ours, "finishTime": "yesterday"}, theirs)
    assert differences({name: value for name, value in ours.items() if name != "logs"}, theirs)


def test_a_build_that_has_not_started_has_no_start_and_no_result(client: Client) -> None:
    run = Run(7, 42, "20260504.7", {}, client.service.runs[0].folder)
    assert "startTime" not in body("build-get-200-notstarted.json")
    assert (run.status, run.result, run.started) == (body("build-get-200-notstarted.json")["status"], None, None)


def test_a_preview_through_the_runs_route_has_the_recorded_shape(client: Client) -> None:
    asked = {"previewRun": True, "templateParameters": {"Name": "x"}}
    ours = client.ask("pipelines/42/runs", "POST", asked).json()
    assert differences(ours, body("preview-via-runs-200-id-minus-one.json")) == []


def test_a_cancellation_has_the_recorded_shape() -> None:
    def waits(run: Run) -> str:
        run.canceled.wait(10)
        return "canceled"

    with AzureDevOps.start() as service:
        client = Client(service)
        number = client.start(service.add_pipeline("driven", DEFINITION, waits).card.id, {"Name": "x"}).json()["id"]
        answer = client.ask(f"build/builds/{number}", "PATCH", {"status": "cancelling"}).json()
    theirs = body("build-patch-cancel-200.json")
    assert [each for each in differences(answer, theirs) if "startTime" not in each] == []
    assert answer["status"] == theirs["status"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("build/builds/139106", "error-404-build-not-found.json"),
        ("/example-org/nowhere/_apis/pipelines/1", "error-404-json-project-not-found.json"),
    ],
)
def test_an_error_is_the_recorded_one(client: Client, path: str, name: str) -> None:
    ours, theirs = client.ask(path, root=path.startswith("/")), recorded("ado", name)["response"]
    assert ours.status == theirs["status"]
    own, other = ours.json(), theirs["body_json"]
    other["message"] = other["message"].replace("WorkItemCreateShowUpdateDeleteTests", "nowhere")
    assert list(own.items()) == list(other.items())


def test_a_refused_value_is_the_recorded_framework_error(client: Client) -> None:
    ours = client.ask("build/builds?$top=x").json()
    theirs = body("error-400-json-argument-exception.json")
    assert {**ours, "message": ""} == {**theirs, "message": ""}


def test_a_missing_controller_is_the_recorded_text(client: Client) -> None:
    theirs = recorded("ado", "error-404-textplain-controller.json")["response"]
    ours = client.ask("/WorkItemCreateShowUpdateDeleteTests/_apis/wit/workItems/0", root=True)
    assert ours.text() == theirs["body_text"]
    for name in ("content-type", "x-tfs-serviceerror"):
        assert [ours.headers[name]] == theirs["headers"][name]


def test_a_missing_credential_is_the_recorded_challenge(client: Client) -> None:
    theirs = recorded("ado", "error-401-empty-body-basic-challenge.json")["response"]
    ours = client.ask("pipelines/42", headers={"Authorization": ""})
    assert (ours.status, ours.text()) == (theirs["status"], theirs["body_text"])
    assert [ours.headers["www-authenticate"]] == theirs["headers"]["www-authenticate"]
    assert "content-type" not in ours.headers


def fault_answer(name: str) -> Answer:
    fault = injections(name, Place("http://127.0.0.1:1", "example-org", "main"))[0].fault
    assert isinstance(fault, Replace)
    return fault.answer


def test_a_stopped_organization_is_the_recorded_answer() -> None:
    theirs = recorded("ado", "error-503-json-with-bom.json")["response"]
    ours = fault_answer("outage-with-bom")
    assert (ours.status, ours.content_type) == (theirs["status"], theirs["headers"]["content-type"][0])
    assert ours.body.startswith(BOM)
    own = json.loads(ours.body.removeprefix(BOM))
    assert {**own, "message": ""} == {**theirs["body_json"], "message": ""}
    assert theirs["body_json"]["message"].startswith(own["message"])


def test_no_access_is_the_recorded_answer() -> None:
    ours, theirs = json.loads(fault_answer("no-access").body), body("error-401-json-tf400813.json")
    assert {**ours, "message": ""} == {**theirs, "message": ""}


def test_the_front_door_sends_the_recorded_kind_of_page() -> None:
    theirs = recorded("ado", "error-503-html-front-door.json")["response"]
    ours = fault_answer("outage-start")
    assert (ours.status, dict(ours.headers)["Server"]) == (theirs["status"], theirs["headers"]["server"][0])
    title = re.search(r"<title>.*</title>", theirs["body_text"])
    assert title is not None
    assert title[0] in ours.body.decode()


def test_the_sign_in_address_is_the_recorded_one() -> None:
    theirs = recorded("ado", "error-401-json-tf400813.json")["response"]["headers"]["x-tfs-fedauthredirect"][0]
    ours = refusal.sign_in_location(Place("https://dev.azure.com", "example-org", "main"))
    assert ours.partition("?")[0] == theirs.partition("?")[0]
    names = [re.findall(r"[?&]([a-z_]+)=", text) for text in (ours, theirs)]
    assert names[0] == names[1]


def test_a_204_has_neither_body_nor_type(client: Client) -> None:
    theirs = recorded("ado", "definition-delete-204.json")["response"]
    client.service.fail("timeline-204", times=1)
    ours = client.ask("build/builds/901/timeline")
    assert (ours.status, ours.body) == (theirs["status"], b"")
    assert {"content-type", "content-length"} & set(ours.headers) == {"content-type", "content-length"} & set(
        theirs["headers"]
    )


def test_a_page_names_the_next_one_as_recorded(client: Client) -> None:
    theirs = recorded("ado", "list-projects-200-continuation-token.json")["response"]
    client.finish(42, {"Name": "second"})
    ours = client.ask("build/builds?$top=1")
    assert [ours.headers["x-ms-continuationtoken"]] == theirs["headers"]["x-ms-continuationtoken"]


def test_a_report_in_a_log_has_the_recorded_form() -> None:
    """Timestamps, markers and marks of a real task's log, line by line."""
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ?")
    text = recorded("ado", "log-text-200-build-report-2025-04.json")["response"]["body_text"]
    theirs = [line.sub("", each, count=1) for each in text.splitlines()]
    with AzureDevOps.start() as service:
        client = Client(service)
        script = "steps:\n- bash: echo hello\n  displayName: print_image_build_report\n"
        ours = client.log(client.finish(service.add_pipeline("x", script).card.id), "print_image_build_report")
    assert ours[0] == theirs[0]
    assert ours[-1] == theirs[-1]
    for mark in (
        "Task         : Bash",
        "Generating script.",
        "[command]/usr/bin/",
        "=" * 26 + " Starting Command Output ",
    ):
        assert any(each.startswith(mark) for each in theirs), mark
        assert any(each.startswith(mark) for each in ours), mark


# --- OpenAPI ------------------------------------------------------------------------------------------------------

KINDS = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
RECORDED_BUT_NOT_DECLARED = {
    *("_links", "yamlDetails", "appendCommitMessageToRunName", "drafts", "refName"),
    *("configuration", "path", "repository"),
}


def against(schema: dict[str, Any], value: Any, definitions: dict[str, Any], where: str) -> list[str]:
    """How a value contradicts a definition; a key that nobody declared is one too."""
    if value is None:
        return []
    if "$ref" in schema:
        return against(definitions[schema["$ref"].rpartition("/")[2]], value, definitions, where)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r} is not in {schema['enum']}"]
    expected = KINDS.get(schema.get("type", ""))
    if expected is not None and not isinstance(value, expected):
        return [f"{where}: {value!r} is not a {schema['type']}"]
    if isinstance(value, list):
        return [each for item in value for each in against(schema["items"], item, definitions, f"{where}[]")]
    if isinstance(value, dict) and where.rpartition(".")[2] not in OPEN:
        return _members(schema, value, definitions, where)
    return []


def _members(schema: dict[str, Any], value: dict[str, Any], definitions: dict[str, Any], where: str) -> list[str]:
    properties = _properties(schema, definitions)
    if not properties:
        return []
    unknown = [name for name in value if name not in properties and name not in RECORDED_BUT_NOT_DECLARED]
    found = [f"{where}: {name} is not declared" for name in unknown]
    known = [name for name in value if name in properties]
    return found + [
        each for name in known for each in against(properties[name], value[name], definitions, f"{where}.{name}")
    ]


def _properties(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parent in schema.get("allOf", ()):
        found |= _properties(definitions[parent["$ref"].rpartition("/")[2]], definitions)
    return {**found, **schema.get("properties", {})}


@pytest.mark.parametrize(
    ("file", "definition", "path"),
    [
        ("pipelines.json", "Run", "pipelines/42/runs/901"),
        ("pipelines.json", "Pipeline", "pipelines/42"),
        ("build.json", "Build", "build/builds/901"),
        ("build.json", "Timeline", "build/builds/901/timeline"),
    ],
)
def test_an_answer_is_what_the_openapi_file_declares(client: Client, file: str, definition: str, path: str) -> None:
    definitions = recorded("ado-openapi", file)["definitions"]
    schema = definitions[definition]
    ours = client.ask(path).json()
    ours.pop("templateParameters", None)  # declared as objects, echoed as text
    assert against(schema, ours, definitions, definition) == []
    assert against(schema, {**ours, "id": ["x"], "surprise": 1}, definitions, definition) != []


@pytest.mark.parametrize(
    ("file", "definition", "path"),
    [("build.json", "BuildLog", "build/builds/901/logs"), ("pipelines.json", "Run", "pipelines/42/runs")],
)
def test_list_entries_are_what_the_openapi_file_declares(client: Client, file: str, definition: str, path: str) -> None:
    definitions = recorded("ado-openapi", file)["definitions"]
    found = client.ask(path).json()
    assert found["count"] == len(found["value"]) > 0
    for entry in found["value"]:
        entry.pop("templateParameters", None)
        assert against(definitions[definition], entry, definitions, definition) == []
