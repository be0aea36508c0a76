"""The stand-in Azure DevOps speaks its API: addresses, identities, runs, builds, timelines and logs."""

import itertools
import re
import threading
from collections.abc import Iterator

import pytest
import yaml
from image_builder_stand_ins.azure_devops.identity import ASSERTION_TYPE
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import ServiceOptions

from tests.azure_devops import DEFINITION, Client, basic, wait_for

PLAIN = {"Accept": "text/plain"}


def two_tasks(run: Run) -> str:
    with run.job("Build") as job:
        with job.task("one", "first") as task:
            task.write("hello")
        with job.task("two") as task:
            task.fail("it broke")
    return "failed"


@pytest.fixture
def service() -> Iterator[AzureDevOps]:
    with AzureDevOps.start() as started:
        started.add_pipeline("driven", DEFINITION, two_tasks)
        yield started


@pytest.fixture
def client(service: AzureDevOps) -> Client:
    return Client(service)


# --- addresses and identities -------------------------------------------------------------------------------------


def test_an_answer_names_the_version_that_was_served(client: Client) -> None:
    answer = client.ask("pipelines/42")
    assert answer.headers["content-type"] == "application/json; charset=utf-8; api-version=7.1"
    assert {"activityid", "x-vss-e2eid", "x-tfs-session"} <= set(answer.headers)
    assert "server" not in answer.headers


def test_a_version_that_is_too_high_is_refused(client: Client) -> None:
    answer = client.ask("pipelines/42?api-version=7.3")
    assert (answer.status, answer.json()["typeKey"]) == (400, "VssVersionOutOfRangeException")


def test_a_project_is_found_by_its_guid_too(client: Client, service: AzureDevOps) -> None:
    path = f"/example-org/{service.project_id}/_apis/pipelines/42?api-version=7.1"
    assert client.ask(path, root=True).json()["id"] == 42


def test_a_project_that_is_not_there_is_named(client: Client) -> None:
    answer = client.ask("/example-org/nowhere/_apis/pipelines/42?api-version=7.1", root=True)
    assert answer.json()["typeKey"] == "ProjectDoesNotExistWithNameException"


def test_an_unknown_path_is_refused_in_plain_text(client: Client) -> None:
    answer = client.ask("nothing/here")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert answer.headers["x-tfs-serviceerror"].startswith("The%20controller%20for%20path%20%27%2F")


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="none"),
        pytest.param(basic("wrong"), id="wrong"),
        pytest.param("Basic !!!", id="no-base64"),
        pytest.param("Bearer eyJ.eyJ.sig", id="unknown-token"),
        pytest.param("Token x", id="another-scheme"),
    ],
)
def test_an_unknown_client_is_redirected_to_sign_in_or_refused(client: Client, authorization: str) -> None:
    sent = client.ask("pipelines/42", headers={"Authorization": authorization, "X-TFS-FedAuthRedirect": ""})
    refused = client.ask("pipelines/42", headers={"Authorization": authorization})
    assert (sent.status, sent.headers["location"][:46]) == (302, "https://spsprodeus27.vssps.visualstudio.com/_s")
    assert (refused.status, refused.body, "content-type" in refused.headers) == (401, b"", False)


def test_a_personal_access_token_has_no_user(client: Client, service: AzureDevOps) -> None:
    assert client.ask("pipelines/42", headers={"Authorization": basic(service.pat, "somebody")}).status == 401


def test_an_entra_tenant_gives_tokens_for_a_secret(client: Client) -> None:
    answer = client.sign_in()
    token = answer.json()["access_token"]
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3599)
    assert client.ask("pipelines/42", headers={"Authorization": f"Bearer {token}"}).status == 200
    assert client.ask("pipelines/42", headers={"Authorization": basic(token)}).status == 200


def test_an_entra_tenant_gives_tokens_for_an_assertion(client: Client) -> None:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
    assert client.sign_in(client_secret=None, **proof).status == 200


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        pytest.param({"client_secret": "wrong"}, 401, 7000215, id="bad-secret"),
        pytest.param({"client_id": "wrong"}, 400, 700016, id="unknown-application"),
        pytest.param({"scope": "other"}, 400, 70011, id="scope"),
        pytest.param({"grant_type": "password"}, 400, 70003, id="grant"),
        pytest.param({"client_assertion": "eyJ", "client_assertion_type": "x"}, 400, 900144, id="assertion-type"),
        pytest.param({"client_assertion": "no", "client_assertion_type": ASSERTION_TYPE}, 401, 700213, id="assertion"),
    ],
)
def test_an_entra_tenant_names_the_error(client: Client, changed: dict[str, str], status: int, code: int) -> None:
    answer = client.sign_in(**changed)
    assert (answer.status, answer.json()["error_codes"]) == (status, [code])
    assert answer.json()["error_description"].startswith(f"AADSTS{code}: ")


def test_another_tenant_is_unknown(client: Client) -> None:
    assert client.sign_in("11111111").json()["error_codes"] == [90002]


def test_a_token_ends() -> None:
    with AzureDevOps.start(ServiceOptions(token_seconds=0)) as service:
        other = Client(service)
        answer = other.sign_in()
        token = answer.json()["access_token"]
        assert other.ask("pipelines/42", headers={"Authorization": f"Bearer {token}"}).status == 401


# --- runs ---------------------------------------------------------------------------------------------------------


def test_a_run_is_in_progress_and_then_completed() -> None:
    go = threading.Event()

    def work(_: Run) -> str:
        go.wait(10)
        return "succeeded"

    with AzureDevOps.start() as service:
        pipeline = service.add_pipeline("driven", DEFINITION, work).card.id
        client = Client(service)
        started = client.start(pipeline, {"Name": "demo"}).json()
        assert (started["state"], "result" in started, "finishedDate" in started) == ("inProgress", False, False)
        assert started["templateParameters"] == {"Name": "demo"}
        assert client.ask(f"build/builds/{started['id']}/timeline").status == 204
        go.set()
        wait_for(service.runs[0].completed.is_set)
        ended = client.ask(f"pipelines/{pipeline}/runs/{started['id']}").json()
        build = client.ask(f"build/builds/{started['id']}").json()
    assert (ended["state"], ended["result"]) == ("completed", "succeeded")
    assert (build["status"], build["result"], build["definition"]["id"]) == ("completed", "succeeded", pipeline)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        pytest.param({"Name": "x", "Nmae": "y"}, "Unexpected parameter 'Nmae'", id="unknown"),
        pytest.param({}, "A value for the 'Name' parameter must be provided.", id="missing"),
        pytest.param(
            {"Other": "1"},
            "Unexpected parameter 'Other'\r\nA value for the 'Name' parameter must be provided.",
            id="both",
        ),
        pytest.param(
            {"Name": "x", "Engine": "buildah"},
            "The 'Engine' parameter value 'buildah' is not a valid value.",
            id="not-among-values",
        ),
        pytest.param(
            {"Name": "x", "Export": "yes"}, "The 'Export' parameter value 'yes' is not a valid Boolean.", id="boolean"
        ),
        pytest.param({"Name": "x", "Count": ""}, "The 'Count' parameter value '' is not a valid Number.", id="number"),
    ],
)
def test_parameters_must_be_those_that_are_declared(client: Client, sent: dict[str, str], message: str) -> None:
    answer = client.start(42, sent)
    assert (answer.status, answer.json()["typeKey"]) == (400, "PipelineValidationException")
    assert answer.json()["message"] == message
    assert client.service.runs == ()


@pytest.mark.parametrize("value", [["a"], {"a": "b"}])
def test_a_parameter_that_is_not_text_makes_the_body_invalid(client: Client, value: object) -> None:
    answer = client.start(42, {"Name": value})
    assert answer.json()["typeKey"] == "ArgumentNullException"
    assert answer.json()["message"] == "Value cannot be null.\r\nParameter name: runParameters"
    assert answer.json()["eventId"] == 0


def test_parameters_are_converted(client: Client) -> None:
    sent = {"Name": "x", "Count": "8", "Export": "true", "Engine": "buildx"}
    assert client.start(42, sent).status == 200


def test_a_pipeline_that_is_not_there_is_404_to_run_and_500_to_preview(client: Client) -> None:
    assert client.start(7).status == 404
    previewed = client.ask("pipelines/7/preview", "POST", {"previewRun": True})
    assert (previewed.status, previewed.json()["typeKey"]) == (500, "PipelineNotFoundException")


def test_runs_are_listed_newest_first_and_shorter(client: Client) -> None:
    first, second = client.finish(42, {"Name": "a"}), client.finish(42, {"Name": "b"})
    listed = client.ask("pipelines/42/runs").json()
    assert (listed["count"], [run["id"] for run in listed["value"]]) == (2, [second, first])
    assert "resources" not in listed["value"][0]
    assert "resources" in client.ask(f"pipelines/42/runs/{first}").json()


def test_a_build_that_is_not_there_is_named(client: Client) -> None:
    answer = client.ask("build/builds/7")
    assert (answer.status, answer.json()["message"]) == (404, "The requested build 7 could not be found.")


def test_builds_come_in_pages(client: Client) -> None:
    numbers = [client.finish(42, {"Name": "a"}) for _ in range(3)]
    first = client.ask("build/builds?$top=2&definitions=42")
    token = first.headers["x-ms-continuationtoken"]
    second = client.ask(f"build/builds?$top=2&definitions=42&continuationToken={token}")
    found = [build["id"] for answer in (first, second) for build in answer.json()["value"]]
    assert found == numbers[::-1]
    assert "x-ms-continuationtoken" not in second.headers


def test_a_run_may_end_before_it_began() -> None:
    def work(run: Run) -> str:
        run.validation.append({"result": "error", "message": "no agent of the pool is there"})
        return "failed"

    with AzureDevOps.start() as service:
        client = Client(service)
        number = client.finish(service.add_pipeline("driven", DEFINITION, work).card.id, {"Name": "a"})
        build = client.ask(f"build/builds/{number}").json()
        assert (build["result"], build["startTime"] == build["finishTime"]) == ("failed", True)
        assert build["validationResults"][0]["message"] == "no agent of the pool is there"
        assert client.ask(f"build/builds/{number}/timeline").status == 204


def test_the_first_two_logs_hold_every_parameter_in_clear(client: Client) -> None:
    number = client.finish(42, {"Name": "a-secret"})
    listed = [log["id"] for log in client.ask(f"build/builds/{number}/logs").json()["value"]]
    assert listed[:2] == [1, 2]
    assert "parameters.Name: a-secret" in client.ask(f"build/builds/{number}/logs/2").text()


# --- cancellation -------------------------------------------------------------------------------------------------


def test_a_canceled_run_stops() -> None:
    def work(run: Run) -> str:
        run.canceled.wait(10)
        held.wait(10)
        return "failed"

    held = threading.Event()
    with AzureDevOps.start() as service:
        client = Client(service)
        pipeline = service.add_pipeline("driven", DEFINITION, work).card.id
        number = client.start(pipeline, {"Name": "a"}).json()["id"]
        answer = client.ask(f"build/builds/{number}", "PATCH", {"status": "Cancelling"})
        assert (answer.status, answer.json()["status"]) == (200, "cancelling")
        assert client.ask(f"pipelines/{pipeline}/runs/{number}").json()["state"] == "canceling"
        held.set()
        wait_for(service.runs[0].completed.is_set)
        assert client.ask(f"build/builds/{number}").json()["result"] == "canceled"
        again = client.ask(f"build/builds/{number}", "PATCH", {"status": "cancelling"})
    assert (again.status, service.count(Operation.CANCEL)) == (400, 2)


# --- timelines and logs -------------------------------------------------------------------------------------------


def test_a_timeline_is_a_tree_of_stage_phase_job_and_tasks(client: Client) -> None:
    number = client.finish(42, {"Name": "a"})
    found = client.ask(f"build/builds/{number}/timeline").json()["records"]
    records = {record["type"]: record for record in found}
    for inner, outer in itertools.pairwise(("Task", "Job", "Phase", "Stage")):
        assert records[inner]["parentId"] == records[outer]["id"]
    assert records["Stage"]["parentId"] is None
    assert records["Job"]["result"] == "failed"


def test_a_failed_task_says_why(client: Client) -> None:
    record = client.records(client.finish(42, {"Name": "a"}))["two"]
    assert (record["result"], record["errorCount"], record["issues"][0]["message"]) == ("failed", 1, "it broke")


def test_log_lines_have_seven_digits_and_the_job_repeats_its_tasks(client: Client) -> None:
    number = client.finish(42, {"Name": "a"})
    log = client.records(number)["one"]["log"]["id"]
    answer = client.ask(f"build/builds/{number}/logs/{log}", headers=PLAIN)
    lines = answer.text().splitlines()
    assert answer.headers["content-type"] == "text/plain"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z .*", line) for line in lines)
    assert client.log(number, "Build") == client.log(number, "one") + client.log(number, "two")


def test_a_log_is_json_on_request(client: Client) -> None:
    number = client.finish(42, {"Name": "a"})
    log = client.records(number)["one"]["log"]["id"]
    found = client.ask(f"build/builds/{number}/logs/{log}", headers={"Accept": "application/json"}).json()
    assert found["count"] == len(found["value"]) == 3


@pytest.mark.parametrize(("first_line", "query", "expected"), [(1, "2&endLine=3", [1, 2]), (0, "2&endLine=3", [2, 3])])
def test_a_part_of_a_log_is_given(first_line: int, query: str, expected: list[int]) -> None:
    def work(run: Run) -> str:
        with run.job() as job, job.task("one") as task:
            task.write_bytes(b"".join(b"%d\n" % number for number in range(5000)))
        return "succeeded"

    with AzureDevOps.start(ServiceOptions(first_line=first_line)) as service:
        client = Client(service)
        number = client.finish(service.add_pipeline("driven", DEFINITION, work).card.id, {"Name": "a"})
        log = client.records(number)["one"]["log"]["id"]
        url = f"build/builds/{number}/logs/{log}"
        lines = client.ask(url, headers=PLAIN).text().splitlines()
        part = client.ask(f"{url}?startLine={query}", headers=PLAIN).text().splitlines()
        far = client.ask(f"{url}?startLine={4000 + first_line}", headers=PLAIN).text().splitlines()
        beyond = client.ask(f"{url}?startLine=9000", headers=PLAIN).text()
    assert part == [lines[number] for number in expected]
    assert far == lines[4000:]
    assert beyond == ""


def test_a_running_task_shows_whole_pages_only() -> None:
    wrote, go = threading.Event(), threading.Event()

    def work(run: Run) -> str:
        with run.job() as job, job.task("one") as task:
            task.write("x" * 50)
            wrote.set()
            go.wait(10)
            task.write("y" * 50)
        return "succeeded"

    with AzureDevOps.start(ServiceOptions(page_bytes=1000)) as service:
        client = Client(service)
        number = client.start(service.add_pipeline("driven", DEFINITION, work).card.id, {"Name": "a"}).json()["id"]
        wrote.wait(10)
        early = client.ask(f"build/builds/{number}/logs").json()["count"]
        go.set()
        wait_for(service.runs[0].completed.is_set)
        assert (early, client.ask(f"build/builds/{number}/logs").json()["count"]) == (2, 4)


# --- previews -----------------------------------------------------------------------------------------------------

OVERRIDE = "parameters:\n- name: Name\nsteps:\n- bash: echo ${{ parameters.Name }}\n"


@pytest.mark.parametrize("route", ["preview", "runs"])
def test_a_preview_expands_and_starts_nothing(client: Client, route: str) -> None:
    body = {"previewRun": True, "yamlOverride": OVERRIDE, "templateParameters": {"Name": "demo"}}
    found = client.ask(f"pipelines/42/{route}", "POST", body).json()
    assert "script: echo demo" in found["finalYaml"]
    assert (set(found) == {"finalYaml"}) == (route == "preview")
    assert (found.get("id", -1), found.get("state", "unknown"), found.get("name")) == (-1, "unknown", None)
    assert client.service.runs == ()


WRITTEN = """\
name: mine
variables: {A: $(B)}
jobs:
- job: one
  displayName: One
  timeoutInMinutes: 7
  pool: {vmImage: ubuntu-latest}
  steps:
  - checkout: none
  - script: |
      echo one
      echo two
    name: first
    displayName: First
    condition: always()
    continueOnError: true
    timeoutInMinutes: 3
    workingDirectory: $(A)
    target: {commands: restricted, settableVariables: [A, B]}
    env: {C: d}
"""


def test_a_preview_drops_nothing_of_what_was_written(client: Client) -> None:
    body = {"previewRun": True, "yamlOverride": WRITTEN}
    found = yaml.safe_load(client.ask("pipelines/42/preview", "POST", body).json()["finalYaml"])
    assert found["variables"] == [{"name": "A", "value": "$(B)"}]
    (job,) = found["stages"][0]["jobs"]
    step = job.pop("steps")[1]
    assert job == {"job": "one", "displayName": "One", "timeoutInMinutes": 7, "pool": {"name": "ubuntu-latest"}}
    assert step == {
        "task": "CmdLine@2",
        "name": "first",
        "displayName": "First",
        "condition": "always()",
        "continueOnError": True,
        "timeoutInMinutes": 3,
        "target": {"commands": "restricted", "settableVariables": ["A", "B"]},
        "env": {"C": "d"},
        "inputs": {"script": "echo one\necho two\n", "workingDirectory": "$(A)"},
    }


def test_an_empty_preview_shows_what_is_committed(client: Client) -> None:
    body = {"previewRun": True, "yamlOverride": "", "templateParameters": {"Name": "x"}}
    assert "script: echo hello" in client.ask("pipelines/42/preview", "POST", body).json()["finalYaml"]


def test_a_bad_definition_is_refused_with_its_place(client: Client) -> None:
    body = {"previewRun": True, "yamlOverride": "steps:\n- bash: echo\n  displaName: x\n"}
    answer = client.ask("pipelines/42/preview", "POST", body)
    assert answer.json()["typeKey"] == "PipelineValidationException"
    assert answer.json()["message"].startswith(
        "/oci-image-builder.yaml (Line: 3, Col: 3): Unexpected value 'displaName'"
    )


def test_expanded_yaml_may_have_carriage_returns() -> None:
    with AzureDevOps.start(ServiceOptions(carriage_returns=True)) as service:
        service.add_pipeline("driven", DEFINITION, two_tasks)
        body = {"previewRun": True, "templateParameters": {"Name": "x"}}
        assert "\r\n" in Client(service).ask("pipelines/42/preview", "POST", body).json()["finalYaml"]


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
@pytest.mark.parametrize("path", ["pipelines/42/runs", "pipelines/42/preview"])
def test_an_invalid_body_is_refused(client: Client, path: str, broken: bytes) -> None:
    assert client.ask(path, "POST", broken).status == 400


def test_requests_are_remembered(client: Client, service: AzureDevOps) -> None:
    client.finish(42, {"Name": "a"})
    received = service.requests[0]
    assert (received.request.operation, received.status) == (Operation.START_RUN, 200)
    assert received.request.query == {"api-version": "7.1"}


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        pytest.param("a: &x 1\nb: *x\n", "anchors are not supported", id="anchor"),
        pytest.param("a: [\n", "expected the node content", id="not-yaml"),
        pytest.param("", "the file is empty", id="empty"),
        pytest.param("parameters:\n- name: X\n  type: stepList\n", "type 'stepList'", id="parameter-type"),
        pytest.param("parameters:\n- nam: X\n", "Unexpected value 'nam'", id="parameter-key"),
    ],
)
def test_an_invalid_definition_is_not_imported(service: AzureDevOps, text: str, reported: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reported)):
        service.add_pipeline("bad", text)
