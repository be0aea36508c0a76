"""The command builds in a pipeline: what it sends, shows, writes and returns."""

import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_builder_stand_ins.azure_devops.fault import Stall
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run
from pytest_httpserver import HTTPServer

from tests.e2e.remote_world import COMMIT, DIGEST, HEAD, HOSTILE, V1, Office, office, until_canceled
from tests.jobs import PUSH, PUSH_EVENT


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    folder = tmp_path / "office"
    folder.mkdir()
    with office(folder) as found:
        yield found


COMMON = {
    "RepoName": "demo",
    "RepoOwner": "acme",
    "PullBaseSHA": COMMIT,
    "Name": "demo",
    "Dockerfile": "Dockerfile",
    "Context": ".",
}


def test_a_postsubmit_sends_what_contract_v2_says(desk: Office) -> None:
    done = desk.build("--tag", "latest", "--build-arg", "A=1", "--platform", "linux/amd64", "--target", "final")
    assert done.code == 0, done.err
    assert desk.parameters == {
        **COMMON,
        "JobType": "postsubmit",
        "ExportTags": "false",
        "BaseRef": "main",
        "BuildArgs": "A=1",
        "Tags": base64.b64encode(b"latest=latest").decode(),
        "Platforms": "linux/amd64",
        "Target": "final",
        "BuildEngine": "kaniko",
    }


def test_a_presubmit_sends_what_contract_v1_says(desk: Office) -> None:
    desk.use(lambda _run: "succeeded", V1)
    desk.presubmit()
    done = desk.build("--tag", "{{ .ShortSHA }}", "--export-tags", "--test-kaniko-build-config")
    assert done.code == 0, done.err
    assert desk.parameters == {
        **COMMON,
        "JobType": "presubmit",
        "PullNumber": "7",
        "PullPullSHA": HEAD,
        "ExportTags": "true",
        "Tags": "ShortSHA={{ .ShortSHA }}",
        "UseKanikoConfigFromPR": "true",
    }


def test_buildkit_is_asked_of_the_pipeline(desk: Office) -> None:
    desk.environment["USE_BUILDKIT"] = "true"
    assert desk.build().code == 0
    assert desk.parameters["BuildEngine"] == "buildx"


def test_log_lines_are_harmless_on_the_console_and_intact_in_the_file(desk: Office) -> None:
    done = desk.build()
    assert "hello ## vso[task.setvariable" in done.out
    assert "##vso[" not in done.out + done.err
    assert "##[" not in done.out + done.err
    assert "\x1b[2J" not in done.out
    assert f"hello {HOSTILE}\n" in done.log


def test_the_report_says_what_the_pipeline_said(desk: Office) -> None:
    done = desk.build()
    assert done.report["status"] == "success"
    assert (done.report["pushed"], done.report["signed"], done.report["digest"]) == (True, True, DIGEST)
    assert done.report["images_list"] == ["reg.example/demo:v1"]
    assert done.report["run"]["id"] == desk.service.runs[0].id
    metadata = json.loads((desk.folder / "artifacts" / "metadata.json").read_text())
    assert metadata["image-digest"] == DIGEST


def test_a_failed_run_is_exit_code_6_with_its_page_and_what_failed(desk: Office) -> None:
    def fails(run: Run) -> str:
        with run.job("Build") as job, job.task("compile") as task:
            task.fail("no space left")
        return "failed"

    desk.use(fails)
    done = desk.build()
    assert done.code == 6
    assert f"buildId={desk.service.runs[0].id}" in done.err
    assert "task 'compile': failed" in done.err
    assert "no space left" in done.err
    assert (done.report["status"], done.report["exit_code"], done.report["result"]) == ("failure", 6, "failed")


@pytest.mark.parametrize("fault", ["canceled", "partially-succeeded", "result-missing", "result-new-word"])
def test_whatever_is_not_succeeded_is_exit_code_6(desk: Office, fault: str) -> None:
    desk.service.fail(fault)
    assert desk.build().code == 6


def test_a_report_that_says_success_does_not_help_a_failed_run(desk: Office) -> None:
    desk.service.fail("result-unknown")
    done = desk.build()
    assert (done.code, done.report["status"], done.report["pipeline_status"]) == (6, "failure", "success")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_the_run_once_within_five_seconds_and_says_so(
    desk: Office, number: signal.Signals, code: int
) -> None:
    desk.use(until_canceled)
    done, seconds = desk.interrupt(number)
    assert done.code == code, done.err
    assert seconds < 5
    assert desk.service.count(Operation.CANCEL) == 1
    assert desk.service.runs[0].canceled.is_set()
    assert "the run was asked to stop" in done.err
    assert done.report["interrupted"] == number.name


def test_a_deadline_cancels_the_run_and_is_exit_code_7(desk: Office) -> None:
    desk.use(until_canceled)
    done = desk.build("--timeout", "10s")
    assert done.code == 7, done.err
    assert desk.service.count(Operation.CANCEL) == 1
    assert desk.service.runs[0].canceled.is_set()


def test_a_signal_while_the_start_is_not_answered_still_cancels_the_run(desk: Office) -> None:
    desk.use(until_canceled)
    desk.service.fail("lost-answer")
    done, _ = desk.interrupt(signal.SIGTERM)
    assert done.code == 143
    assert (len(desk.service.runs), desk.service.count(Operation.CANCEL)) == (1, 1)


def test_a_cancellation_that_is_not_answered_does_not_keep_the_process_and_is_reported(desk: Office) -> None:
    desk.use(until_canceled)
    desk.service.inject(Stall(30), on=[Operation.CANCEL], times=None)
    done, seconds = desk.interrupt(signal.SIGTERM)
    assert done.code == 143
    assert seconds < 15
    assert "could not be canceled" in done.err


def test_a_plan_sends_nothing_shows_the_request_and_hides_secrets(desk: Office) -> None:
    done = desk.build("--dry-run", "--build-arg", "API_TOKEN=hunter2hunter2")
    assert done.code == 0
    assert "/_apis/pipelines/42/runs?api-version=7.1" in done.out
    assert '"BuildArgs": "API_TOKEN=***"' in done.out
    assert "hunter2" not in done.out + done.err
    assert desk.service.requests == ()


def test_a_plan_as_json_is_one_document(desk: Office) -> None:
    del desk.environment["ADO_PAT"]
    done = desk.build("--dry-run", "--output", "json")
    assert json.loads(done.out)["parameters"]["JobType"] == "postsubmit"


def test_without_a_credential_nothing_is_sent(desk: Office) -> None:
    del desk.environment["ADO_PAT"]
    done = desk.build()
    assert done.code == 2
    assert "set ADO_PAT" in done.err
    assert desk.service.requests == ()


def test_a_refused_credential_is_exit_code_6_and_explained(desk: Office) -> None:
    desk.environment["ADO_PAT"] = "wrong-token"
    done = desk.build()
    assert done.code == 6
    assert "ADO_PAT is not accepted" in done.err
    assert "wrong-token" not in done.everything


def test_a_service_principal_builds_too(desk: Office) -> None:
    del desk.environment["ADO_PAT"]
    desk.environment |= {
        "AZURE_TENANT_ID": desk.service.principal.tenant,
        "AZURE_CLIENT_ID": desk.service.principal.client,
        "AZURE_CLIENT_SECRET": desk.service.principal.secret,
        "AZURE_AUTHORITY_HOST": desk.service.authority,
    }
    done = desk.build()
    assert done.code == 0, done.err
    (token,) = desk.service.tokens
    assert token not in done.everything
    assert desk.service.principal.secret not in done.everything


def test_debug_tells_what_was_asked_of_the_service_and_by_which_traces_its_owners_find_it(desk: Office) -> None:
    asked = f"POST {desk.service.organization_url}/{desk.service.project}/_apis/pipelines/"
    assert asked not in desk.build().err
    done = desk.build("--debug")
    assert asked in done.err
    assert "activityid" in done.err


@pytest.mark.parametrize("fault", ["echo", "log-echo", "no-access"])
def test_the_credential_is_shown_nowhere_even_if_the_service_repeats_it(desk: Office, fault: str) -> None:
    desk.service.fail(fault)
    done = desk.build("--debug")
    basic = base64.b64encode(f":{desk.service.pat}".encode()).decode()
    assert desk.service.pat not in done.everything
    assert basic not in done.everything


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variant", "main"], ["--variant", "every variant"]),
        (["--tag", 'x={{ .Env "HOME" }}'], ["--tag", ".Env"]),
        (["--tag", "not/a/tag"], ["--tag", "is not a tag"]),
        (["--build-arg", "A=1,2"], ["--build-arg"]),
        (["--test-kaniko-build-config"], ["--test-kaniko-build-config", "pull request"]),
        (["--backend", "kaniko"], ["kaniko contradicts --build-in-ado"]),
        (["--max-parallel", "2"], ["--max-parallel"]),
        (["--ado-preview-output", "x"], ["--ado-preview-output", "preview"]),
    ],
)
def test_what_the_pipeline_cannot_do_is_refused_before_anything_is_sent(
    desk: Office, arguments: list[str], words: list[str]
) -> None:
    done = desk.build(*arguments)
    assert done.code == 2
    assert all(word in done.err for word in words), done.err
    assert desk.service.requests == ()


@pytest.mark.parametrize("flag", ["--env-file=x", "--platform=linux/amd64", "--target=x"])
def test_what_contract_v1_cannot_say_is_refused(desk: Office, flag: str) -> None:
    desk.ado["parameters"] = "v1"
    done = desk.build(flag)
    assert done.code == 2
    assert flag.partition("=")[0] in done.err
    assert "v1" in done.err


def test_json_output_is_one_document_and_the_log_goes_to_standard_error(desk: Office) -> None:
    done = desk.build("--output", "json")
    assert json.loads(done.out)["result"] == "succeeded"
    assert "hello" in done.err


def test_silent_keeps_the_log_in_its_file(desk: Office) -> None:
    done = desk.build("--silent")
    assert "hello" not in done.out + done.err
    assert "hello" in done.log


def test_the_state_is_reported_to_azure_pipelines_when_asked_for(desk: Office) -> None:
    done = desk.build("--ado-state-output")
    assert "##vso[task.setvariable variable=signing_success;isoutput=true]true" in done.out
    assert "##vso[task.setvariable variable=build_success;isoutput=true]true" in done.out


def test_a_log_that_cannot_be_written_is_refused_before_a_run_is_started(desk: Office) -> None:
    (desk.folder / "file").write_text("")
    assert desk.build("--log-dir", "file/logs").code == 2
    assert desk.service.runs == ()


def test_github_gets_its_outputs_and_the_pipeline_the_identity_token(desk: Office, httpserver: HTTPServer) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.c2lnbmF0dXJl"
    httpserver.expect_request("/token", query_string={"v": "1", "audience": "image-builder"}).respond_with_json(
        {"value": token}
    )
    event, output = desk.folder / "event.json", desk.folder / "output"
    event.write_text(json.dumps(PUSH_EVENT))
    output.write_text("")
    desk.environment = {
        **PUSH,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(output),
        "ADO_PAT": desk.service.pat,
        "ACTIONS_ID_TOKEN_REQUEST_URL": httpserver.url_for("/token?v=1"),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    desk.service.fail("log-echo")
    done = desk.build()
    assert done.code == 0, done.err
    assert desk.parameters["Authorization"] == token
    assert token not in done.everything
    assert "adoResult<<" in output.read_text()
    assert "\nsucceeded\n" in output.read_text()


def test_an_identity_token_that_is_refused_starts_nothing(desk: Office, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_data("no", status=403)
    desk.environment |= {
        "ACTIONS_ID_TOKEN_REQUEST_URL": httpserver.url_for("/token?v=1"),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    done = desk.build()
    assert done.code == 6
    assert "identity token" in done.err
    assert desk.service.runs == ()
