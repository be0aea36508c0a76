"""Every fault of the stand-in happens: to what it is meant for, as often as it says, and to nothing else."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from image_builder_stand_ins.azure_devops.fault import Replace, Stall, front_door, throttled
from image_builder_stand_ins.azure_devops.faults import FAULTS
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.azure_devops.service import AzureDevOps

from tests.azure_devops import DEFINITION, Client

REPORT = ("---IMAGE BUILD REPORT---", '{"status": "success"}', "---END OF IMAGE BUILD REPORT---")
FROM_ELSEWHERE = {"slow-answer"}
"""Tried on its own: nobody waits 40 s."""


def reports(run: Run) -> str:
    with run.job("Build") as job, job.task("print") as task:
        for line in REPORT:
            task.write(line)
    return "succeeded"


@pytest.fixture
def client() -> Iterator[Client]:
    with AzureDevOps.start() as service:
        service.add_pipeline("driven", DEFINITION, reports)
        found = Client(service)
        found.finish(42, {"Name": "demo"})
        yield found


def token(client: Client) -> str:
    found: str = client.sign_in().json()["access_token"]
    return found


def seen(client: Client, bearer: str) -> dict[Operation, Any]:
    """What a client sees of every operation: what changes by itself is left out."""
    auth = {"Authorization": f"Bearer {bearer}"}
    plain = {**auth, "Accept": "text/plain"}
    asked: dict[Operation, Any] = {
        Operation.GET_RUN: ("pipelines/42/runs/901", "GET", None, auth),
        Operation.GET_BUILD: ("build/builds/901", "GET", None, auth),
        Operation.TIMELINE: ("build/builds/901/timeline", "GET", None, auth),
        Operation.LIST_LOGS: ("build/builds/901/logs", "GET", None, auth),
        Operation.GET_LOG: ("build/builds/901/logs/3", "GET", None, plain),
        Operation.LIST_BUILDS: ("build/builds", "GET", None, auth),
        Operation.PREVIEW: ("pipelines/42/preview", "POST", {"templateParameters": {"Name": "x"}}, auth),
        Operation.START_RUN: ("pipelines/42/runs", "POST", {"templateParameters": {"Name": "x"}}, auth),
        Operation.CANCEL: ("build/builds/901", "PATCH", {"status": "cancelling"}, auth),
        Operation.GET_APPROVAL: (f"pipelines/approvals/{'a' * 36}", "GET", None, auth),
        Operation.GET_QUEUE: ("distributedtask/queues/18", "GET", None, auth),
        Operation.TOKEN: client.token_request(),
    }
    found: dict[Operation, Any] = {}
    for operation, (path, method, body, headers) in asked.items():
        try:
            answer = client.ask(path, method, body, headers, root=operation is Operation.TOKEN)
        except (http.client.HTTPException, ConnectionError) as error:
            found[operation] = type(error).__name__
            continue
        kept = {name for name, _ in answer.every}
        changing = operation in (Operation.START_RUN, Operation.TOKEN, Operation.LIST_BUILDS)
        shape = shape_of(answer.body) if changing else answer.body
        found[operation] = (answer.status, answer.headers.get("content-type"), kept, shape)
    return found


def shape_of(body: bytes) -> Any:
    try:
        value = json.loads(body)
    except ValueError:
        return body[:64]
    return sorted((name, type(each).__name__) for name, each in value.items())


@pytest.mark.parametrize("name", sorted(set(FAULTS) - FROM_ELSEWHERE))
def test_a_fault_changes_what_a_client_sees(client: Client, name: str) -> None:
    bearer = token(client)
    before = seen(client, bearer)
    client.service.fail(name)
    after = seen(client, bearer)
    client.service.heal()
    struck = {operation for operation in before if before[operation] != after[operation]}
    assert struck, f"{name} changed nothing"
    only_logs = name.startswith(("log-", "report-"))
    assert not only_logs or struck <= {Operation.GET_LOG, Operation.LIST_LOGS}


def test_without_a_fault_a_client_sees_the_same_again(client: Client) -> None:
    bearer = token(client)
    assert seen(client, bearer) == seen(client, bearer)


def test_every_fault_has_a_description() -> None:
    assert len(FAULTS) >= 60
    assert all(fault.what for fault in FAULTS.values())


def test_a_fault_happens_so_often_after_so_many_answers(client: Client) -> None:
    client.service.inject(Replace(front_door()), on=[Operation.GET_RUN], times=2, after=1)
    statuses = [client.ask("pipelines/42/runs/901").status for _ in range(4)]
    assert statuses == [200, 503, 503, 200]


def test_faults_happen_one_after_the_other_and_can_be_forgotten(client: Client) -> None:
    client.service.inject(Replace(front_door()), Replace(throttled()), Replace(front_door()))
    statuses = [client.ask("build/builds/901").status for _ in range(2)]
    client.service.heal()
    assert [*statuses, client.ask("build/builds/901").status] == [503, 429, 200]


def test_a_lost_answer_is_a_run_that_started(client: Client) -> None:
    client.service.fail("lost-answer")
    with pytest.raises(http.client.RemoteDisconnected):
        client.start(42, {"Name": "lost"})
    newest = client.ask("pipelines/42/runs").json()["value"][0]
    assert newest["templateParameters"] == {"Name": "lost"}


@pytest.mark.parametrize("name", ["hang-up-start", "outage-start", "throttled-start"])
def test_a_run_that_was_refused_did_not_start(client: Client, name: str) -> None:
    client.service.fail(name)
    try:
        assert client.start(42, {"Name": "x"}).status in (429, 503)
    except http.client.RemoteDisconnected:
        assert name == "hang-up-start"
    assert len(client.service.runs) == 1


def test_a_cut_answer_ends_before_its_length(client: Client) -> None:
    client.service.fail("cut-log")
    with pytest.raises(http.client.IncompleteRead) as found:
        client.ask("build/builds/901/logs/3", headers={"Accept": "text/plain"})
    assert len(found.value.partial) == 40


def test_throttling_has_a_retry_after(client: Client) -> None:
    client.service.fail("throttled")
    refused = client.ask("build/builds/901")
    client.service.heal()
    client.service.fail("slow-down")
    slowed = client.ask("build/builds/901")
    assert (refused.status, refused.headers["retry-after"], slowed.status) == (429, "1", 200)
    assert slowed.headers["retry-after"] == "1"
    assert float(slowed.headers["x-ratelimit-delay"]) > 0
    assert slowed.json()["id"] == 901


def test_a_slow_answer_comes_and_does_not_outlive_the_service() -> None:
    started = time.monotonic()
    with AzureDevOps.start() as service:
        client = Client(service)
        service.inject(Stall(0.2))
        assert client.ask("build/builds/7").status == 404
        assert time.monotonic() - started >= 0.2
        service.inject(Stall(60))
        host, _, port = service.authority.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
    assert time.monotonic() - started < 30


def test_secrets_come_back_in_errors_and_logs(client: Client) -> None:
    bearer = token(client)
    client.service.fail("echo")
    client.service.fail("log-echo")
    auth = {"Authorization": f"Bearer {bearer}"}
    error = client.ask("pipelines/42/runs", "POST", {"templateParameters": {"Name": "x"}}, auth)
    log = client.ask("build/builds/901/logs/3", headers={**auth, "Accept": "text/plain"})
    assert bearer in error.json()["message"]
    assert bearer in log.text()


def test_a_second_attempt_names_the_first(client: Client) -> None:
    client.service.fail("second-attempt")
    records = client.ask("build/builds/901/timeline").json()["records"]
    by_id = {record["id"]: record for record in records}
    latest = [record for record in records if record["attempt"] == 2]
    assert len(records) == 2 * len(latest)
    assert all(by_id[record["previousAttempts"][0]["recordId"]]["result"] == "failed" for record in latest)
