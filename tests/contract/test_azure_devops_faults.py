"""Every known fault of Azure DevOps, and the adapter's reaction."""

from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_domain.remote_pipeline import (
    Parameter,
    PipelineRefused,
    PipelineUnreachable,
    RunRequest,
    RunUncertain,
    Verdict,
)
from image_builder_stand_ins.azure_devops.faults import FAULTS
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.state import ServiceOptions

from tests.azure_devops import wait_for
from tests.contract.pipeline_bench import REQUEST, stage
from tests.contract.pipeline_scripts import LINES, own_lines, talk

SURVIVED = """
    throttled throttled-text throttled-date throttled-long throttled-start slow-down outage hang-up cut-json cut-log
    bom missing-keys unknown-keys not-json not-found-first state-new-word words-upper-case timeline-204 timeline-null
    second-attempt logs-empty-first log-not-found-first log-elsewhere log-html log-crlf log-paged-bom log-not-utf8
    log-line-counts log-line-counts-high log-line-counts-early log-line-counts-zero log-line-counts-missing
    log-commands log-echo report-forged report-broken
""".split()  # noqa: SIM905


@pytest.mark.parametrize("fault", SURVIVED)
def test_the_run_succeeds_and_every_line_comes_once_in_order_in_spite_of(fault: str) -> None:
    with stage() as made:
        made.script = talk
        made.adapter = made.open(attempts=4)
        made.service.fail(fault)
        blocks = list[bytes]()
        found = made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert own_lines(blocks) == LINES
        assert made.service.count(Operation.START_RUN) <= 4
        assert len(made.service.runs) == 1


@pytest.mark.parametrize("fault", ["log-commands", "log-echo", "report-forged"])
def test_lines_that_a_fault_puts_in_front_stay_there_when_the_log_is_read_in_parts(fault: str) -> None:
    def in_parts(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
        for number, line in enumerate(LINES):
            if number == 100:
                wait_for(lambda: own_lines(blocks))
            write(line)
        return Verdict.SUCCEEDED

    blocks = list[bytes]()
    with stage() as made:
        made.script = in_parts
        made.service.fail(fault)
        made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert own_lines(blocks) == LINES


@pytest.mark.parametrize("kind", ["client-secret", "federated"])
@pytest.mark.parametrize("fault", ["insufficient-claims", "token-expires", "token-busy", "token-outage"])
def test_the_run_succeeds_with_tokens_that_come_late_or_end_early(fault: str, kind: str, tmp_path: Path) -> None:
    with stage(kind, folder=tmp_path) as made:
        made.script = talk
        made.service.fail(fault)
        blocks = list[bytes]()
        found = made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert (found.verdict, own_lines(blocks)) == (Verdict.SUCCEEDED, LINES)
        assert made.service.count(Operation.TOKEN) > 1


@pytest.mark.parametrize("first_line", [0, 1])
@pytest.mark.parametrize("page_bytes", [0, 1000, None])
def test_lines_come_once_however_the_service_counts_and_pages_them(first_line: int, page_bytes: int | None) -> None:
    with stage(options=ServiceOptions(first_line=first_line, page_bytes=page_bytes)) as made:
        made.script = talk
        blocks = list[bytes]()
        made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert own_lines(blocks) == LINES


REFUSED = {
    "sign-in-200": "is not accepted",
    "sign-in-203": "is not accepted",
    "sign-in-302": "visualstudio.com",
    "unauthorized": "check that it has not expired",
    "unauthorized-bearer": "is not accepted",
    "no-access": "TF400813",
    "never-signed-in": "add it to the organization",
    "pat-expired": "has expired",
    "forbidden": "scopes",
    "no-controller": "ado-organization-url",
    "queue-configuration-forbidden": "'Queue builds' and 'Edit queue build configuration'",
    "version-in-preview": "api-version in ado-config",
    "outage-with-bom": "TF24668",
}


@pytest.mark.parametrize(("fault", "hint"), REFUSED.items())
def test_a_start_that_is_refused_is_sent_once_and_explained(fault: str, hint: str) -> None:
    with stage() as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert hint in str(found)
        assert made.service.pat not in str(found)
        assert (made.service.count(Operation.START_RUN), made.service.runs) == (1, ())


def test_a_server_of_another_version_is_asked_in_its_own() -> None:
    with stage(options=ServiceOptions(newest_version=(7, 0))) as made:
        found = str(made.adapter.start(REQUEST, made.cancellation).failure())
        assert "this server supports is 7.0" in found
        assert "set api-version in ado-config" in found
        made.adapter = made.open(api_version="7.0")
        made.start()
        assert {request.request.query["api-version"] for request in made.service.requests} == {"7.1", "7.0"}


@pytest.mark.parametrize(
    ("sent", "contract", "remedy"),
    [
        (["BuildEngine"], "v2", "set 'parameters: v3' in ado-config, which does not send BuildEngine, instead of v2"),
        (["UseKanikoConfigFromPR"], "v1", "set 'parameters: v3'"),
        (["BaseRef", "BuildEngine", "Authorization"], "v2", "set 'parameters: v1'"),
        (["BuildEngine", "UseKanikoConfigFromPR", "Platforms"], "v2", "declare BuildEngine"),
    ],
)
def test_a_refused_parameter_names_the_contract_that_fits(sent: list[str], contract: str, remedy: str) -> None:
    with stage() as made:
        made.adapter = made.open(parameters=contract)
        request = RunRequest(tuple(Parameter.of(name, "x") for name in ("Name", *sent)))
        found = made.adapter.start(request, made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert remedy in found.remedy
        assert made.service.runs == ()


def test_an_error_that_repeats_the_credential_is_shown_without_it() -> None:
    with stage() as made:
        made.service.fail("echo")
        found = str(made.adapter.start(REQUEST, made.cancellation).failure())
        assert "***" in found
        assert made.service.pat not in found


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("token-secret-expired", "the secret has expired"),
        ("token-assertion-expired", "AZURE_FEDERATED_TOKEN_FILE"),
        ("token-html", "no token"),
        ("token-without-token", "no token"),
        ("no-access", "is known, but has no access"),
    ],
)
def test_a_service_principal_that_is_refused_is_explained(fault: str, hint: str) -> None:
    with stage("client-secret") as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert hint in str(found)
        assert made.environment["AZURE_CLIENT_SECRET"] not in str(found)
        assert made.service.runs == ()


def test_a_token_that_is_refused_is_renewed_once_only() -> None:
    with stage("client-secret") as made:
        made.service.fail("unauthorized-bearer")
        made.adapter.start(REQUEST, made.cancellation).failure()
        assert (made.service.count(Operation.TOKEN), made.service.count(Operation.START_RUN)) == (2, 2)


@pytest.mark.parametrize("fault", ["lost-answer", "lost-answer-503"])
def test_a_run_whose_start_was_not_answered_is_found(fault: str) -> None:
    with stage() as made:
        made.script = talk
        made.service.fail(fault)
        run = made.start()
        assert [run.number] == [each.id for each in made.service.runs]
        assert made.service.count(Operation.START_RUN) == 1


@pytest.mark.parametrize(("fault", "runs"), [("hang-up-start", 0), ("outage-start", 0), ("no-id", 1), ("text-id", 1)])
def test_a_start_of_unknown_effect_is_never_repeated(fault: str, runs: int) -> None:
    with stage() as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, RunUncertain)
        assert "may have been started" in str(found)
        assert (made.service.count(Operation.START_RUN), len(made.service.runs)) == (1, runs)


def test_an_older_run_with_the_same_parameters_is_not_ours() -> None:
    with stage() as made:
        run = made.service.start_run(made.pipeline, {"Name": "demo"}, lambda _: "succeeded")
        run.queued -= 60 * 1_000_000_000
        made.service.fail("hang-up-start")
        assert isinstance(made.adapter.start(REQUEST, made.cancellation).failure(), RunUncertain)


def test_two_matching_runs_are_uncertain() -> None:
    with stage() as made:
        made.service.start_run(made.pipeline, {"Name": "demo"}, lambda _: "succeeded")
        made.service.fail("lost-answer")
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, RunUncertain)
        assert "2 runs" in str(found)


def test_a_closed_port_is_unreachable_and_starts_nothing() -> None:
    with stage() as made:
        adapter = made.open(organization_url="http://127.0.0.1:1/acme")
        found = adapter.start(REQUEST, made.cancellation).failure()
        adapter.close()
    assert isinstance(found, PipelineUnreachable)
    assert len(made.cancellation.waits) == 2


def test_at_least_forty_faults_are_tried() -> None:
    tried = {*SURVIVED, *REFUSED, "lost-answer", "lost-answer-503", "hang-up-start", "outage-start", "no-id"}
    assert len(tried) >= 40
    assert tried <= FAULTS.keys()
