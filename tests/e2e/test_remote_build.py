"""The command builds in a pipeline: what it sends, shows, writes and returns."""

import base64
import json
import signal

import pytest
from image_builder_stand_ins.azure_devops.fault import Stall
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Approval, Run
from pytest_httpserver import HTTPServer

from tests.e2e.remote_world import COMMIT, DIGEST, HEAD, HOSTILE, V1, RemoteWorld, until_canceled
from tests.jobs import PUSH, PUSH_EVENT

COMMON = {
    "RepoName": "demo",
    "RepoOwner": "acme",
    "PullBaseSHA": COMMIT,
    "Name": "demo",
    "Dockerfile": "Dockerfile",
    "Context": ".",
}


def test_a_postsubmit_sends_what_contract_v2_says(remote: RemoteWorld) -> None:
    done = remote.build("--tag", "latest", "--build-arg", "A=1", "--platform", "linux/amd64", "--target", "final")
    assert done.code == 0, done.err
    assert remote.parameters == {
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


def test_a_presubmit_sends_what_contract_v1_says(remote: RemoteWorld) -> None:
    remote.use(lambda _run: "succeeded", V1)
    remote.presubmit()
    done = remote.build("--tag", "{{ .ShortSHA }}", "--export-tags", "--test-kaniko-build-config")
    assert done.code == 0, done.err
    assert remote.parameters == {
        **COMMON,
        "JobType": "presubmit",
        "PullNumber": "7",
        "PullPullSHA": HEAD,
        "ExportTags": "true",
        "Tags": "ShortSHA={{ .ShortSHA }}",
        "UseKanikoConfigFromPR": "true",
    }


def test_buildkit_is_asked_of_the_pipeline(remote: RemoteWorld) -> None:
    remote.environment["USE_BUILDKIT"] = "true"
    assert remote.build().code == 0
    assert remote.parameters["BuildEngine"] == "buildx"


def test_log_lines_are_harmless_on_the_console_and_intact_in_the_file(remote: RemoteWorld) -> None:
    done = remote.build()
    assert "hello ## vso[task.setvariable" in done.out
    assert "##vso[" not in done.out + done.err
    assert "##[" not in done.out + done.err
    assert "\x1b[2J" not in done.out
    assert f"hello {HOSTILE}\n" in done.log("demo")


def test_the_report_says_what_the_pipeline_said(remote: RemoteWorld) -> None:
    done = remote.build()
    assert done.report["outcome"] == "success"
    assert (done.report["pushed"], done.report["signed"], done.report["digest"]) == (True, True, DIGEST)
    assert done.report["images_list"] == ["reg.example/demo:v1"]
    assert done.report["run"]["id"] == remote.service.runs[0].id
    metadata = json.loads((remote.artifacts / "metadata.json").read_text())
    assert metadata["image-digest"] == DIGEST


def test_a_failed_run_is_exit_code_6_with_its_page_and_what_failed(remote: RemoteWorld) -> None:
    def fails(run: Run) -> str:
        with run.job("Build") as job, job.task("compile") as task:
            task.fail("no space left")
        return "failed"

    remote.use(fails)
    done = remote.build()
    assert done.code == 6
    assert f"buildId={remote.service.runs[0].id}" in done.err
    assert "task 'compile': failed" in done.err
    assert "no space left" in done.err
    assert (done.report["outcome"], done.report["exit_code"], done.report["result"]) == ("failure", 6, "failed")


def test_a_run_says_what_it_waits_for_and_who_rejected_it(remote: RemoteWorld) -> None:
    def needs_an_approval(run: Run) -> str:
        stage = run.open("Stage", "production", None)
        approval = Approval(("Ada",), instructions="look at it \x1b[2J")
        with run.check("Checkpoint.Approval", stage, approval) as record:
            run.canceled.wait(1.5)
            approval.said, record.result = ("rejected", "Ada", "not today ##vso[task.complete]"), "failed"
        return "failed"

    remote.use(needs_an_approval)
    done = remote.build()
    assert done.code == 6
    waits = "waits: stage 'production' needs an approval by Ada; instructions: look at it"
    assert done.err.count(waits) == 1
    assert "approval 'production': failed\n  rejected by Ada: not today" in done.err
    assert "\x1b[2J" not in done.err
    assert "##vso[" not in done.err


@pytest.mark.parametrize("fault", ["canceled", "partially-succeeded", "result-missing", "result-new-word"])
def test_whatever_is_not_succeeded_is_exit_code_6(remote: RemoteWorld, fault: str) -> None:
    remote.service.fail(fault)
    assert remote.build().code == 6


def test_a_report_that_says_success_does_not_help_a_failed_run(remote: RemoteWorld) -> None:
    remote.service.fail("result-unknown")
    done = remote.build()
    assert (done.code, done.report["outcome"], done.report["pipeline_status"]) == (6, "failure", "Succeeded")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_the_run_once_within_five_seconds_and_says_so(
    remote: RemoteWorld, number: signal.Signals, code: int
) -> None:
    remote.use(until_canceled)
    done, seconds = remote.interrupt(number)
    assert done.code == code, done.err
    assert seconds < 5
    assert remote.service.count(Operation.CANCEL) == 1
    assert remote.service.runs[0].canceled.is_set()
    assert "the run was asked to stop" in done.err
    assert done.report["interrupted"] == number.name


def test_a_deadline_cancels_the_run_and_is_exit_code_7(remote: RemoteWorld) -> None:
    remote.use(until_canceled)
    done = remote.build("--timeout", "10s")
    assert done.code == 7, done.err
    assert remote.service.count(Operation.CANCEL) == 1
    assert remote.service.runs[0].canceled.is_set()


def test_a_signal_while_the_start_is_not_answered_still_cancels_the_run(remote: RemoteWorld) -> None:
    remote.use(until_canceled)
    remote.service.fail("lost-answer")
    done, _ = remote.interrupt(signal.SIGTERM)
    assert done.code == 143
    assert (len(remote.service.runs), remote.service.count(Operation.CANCEL)) == (1, 1)


def test_a_cancellation_that_is_not_answered_does_not_keep_the_process_and_is_reported(remote: RemoteWorld) -> None:
    remote.use(until_canceled)
    remote.service.inject(Stall(30), on=[Operation.CANCEL], times=None)
    done, seconds = remote.interrupt(signal.SIGTERM)
    assert done.code == 143
    assert seconds < 15
    assert "could not be canceled" in done.err


def test_a_plan_sends_nothing_shows_the_request_and_hides_secrets(remote: RemoteWorld) -> None:
    done = remote.build("--dry-run", "--build-arg", "API_TOKEN=hunter2hunter2")
    assert done.code == 0
    assert "/_apis/pipelines/42/runs?api-version=7.1" in done.out
    assert '"BuildArgs": "API_TOKEN=***"' in done.out
    assert "hunter2" not in done.out + done.err
    assert remote.service.requests == ()


def test_a_plan_as_json_is_one_document(remote: RemoteWorld) -> None:
    del remote.environment["ADO_PAT"]
    done = remote.build("--dry-run", "--output", "json")
    assert json.loads(done.out)["parameters"]["JobType"] == "postsubmit"


def test_without_a_credential_nothing_is_sent(remote: RemoteWorld) -> None:
    del remote.environment["ADO_PAT"]
    done = remote.build()
    assert done.code == 2
    assert "set ADO_PAT" in done.err
    assert remote.service.requests == ()


def test_a_refused_credential_is_exit_code_6_and_explained(remote: RemoteWorld) -> None:
    remote.environment["ADO_PAT"] = "wrong-token"
    done = remote.build()
    assert done.code == 6
    assert "ADO_PAT is not accepted" in done.err
    assert "wrong-token" not in remote.everything(done)


def test_a_service_principal_builds_too(remote: RemoteWorld) -> None:
    del remote.environment["ADO_PAT"]
    remote.environment |= {
        "AZURE_TENANT_ID": remote.service.principal.tenant,
        "AZURE_CLIENT_ID": remote.service.principal.client,
        "AZURE_CLIENT_SECRET": remote.service.principal.secret,
        "AZURE_AUTHORITY_HOST": remote.service.authority,
    }
    done = remote.build()
    assert done.code == 0, done.err
    (token,) = remote.service.tokens
    assert token not in remote.everything(done)
    assert remote.service.principal.secret not in remote.everything(done)


def test_debug_tells_what_was_asked_of_the_service_and_by_which_traces_its_owners_find_it(remote: RemoteWorld) -> None:
    asked = f"POST {remote.service.organization_url}/{remote.service.project}/_apis/pipelines/"
    assert asked not in remote.build().err
    done = remote.build("--debug")
    assert asked in done.err
    assert "activityid" in done.err


@pytest.mark.parametrize("fault", ["echo", "log-echo", "no-access"])
def test_the_credential_is_shown_nowhere_even_if_the_service_repeats_it(remote: RemoteWorld, fault: str) -> None:
    remote.service.fail(fault)
    done = remote.build("--debug")
    basic = base64.b64encode(f":{remote.service.pat}".encode()).decode()
    assert remote.service.pat not in remote.everything(done)
    assert basic not in remote.everything(done)


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
    remote: RemoteWorld, arguments: list[str], words: list[str]
) -> None:
    done = remote.build(*arguments)
    assert done.code == 2
    assert all(word in done.err for word in words), done.err
    assert remote.service.requests == ()


@pytest.mark.parametrize("flag", ["--env-file=x", "--platform=linux/amd64", "--target=x"])
def test_what_contract_v1_cannot_say_is_refused(remote: RemoteWorld, flag: str) -> None:
    remote.ado["parameters"] = "v1"
    done = remote.build(flag)
    assert done.code == 2
    assert flag.partition("=")[0] in done.err
    assert "v1" in done.err


def test_json_output_is_one_document_and_the_log_goes_to_standard_error(remote: RemoteWorld) -> None:
    done = remote.build("--output", "json")
    assert json.loads(done.out)["result"] == "succeeded"
    assert "hello" in done.err


def test_silent_keeps_the_log_in_its_file(remote: RemoteWorld) -> None:
    done = remote.build("--silent")
    assert "hello" not in done.out + done.err
    assert "hello" in done.log("demo")


def test_the_state_is_reported_to_azure_pipelines_when_asked_for(remote: RemoteWorld) -> None:
    done = remote.build("--ado-state-output")
    assert "##vso[task.setvariable variable=signing_success;isoutput=true]true" in done.out
    assert "##vso[task.setvariable variable=build_success;isoutput=true]true" in done.out


def test_a_log_that_cannot_be_written_is_refused_before_a_run_is_started(remote: RemoteWorld) -> None:
    (remote.folder / "file").write_text("")
    assert remote.build("--log-dir", "file/logs").code == 2
    assert remote.service.runs == ()


def test_github_gets_its_outputs_and_the_pipeline_the_identity_token(
    remote: RemoteWorld, httpserver: HTTPServer
) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvIn0.c2lnbmF0dXJl"
    httpserver.expect_request("/token", query_string={"v": "1", "audience": "image-builder"}).respond_with_json(
        {"value": token}
    )
    event, output = remote.folder / "event.json", remote.folder / "output"
    event.write_text(json.dumps(PUSH_EVENT))
    output.write_text("")
    remote.environment = {
        **PUSH,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": str(output),
        "ADO_PAT": remote.service.pat,
        "ACTIONS_ID_TOKEN_REQUEST_URL": httpserver.url_for("/token?v=1"),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    remote.service.fail("log-echo")
    done = remote.build()
    assert done.code == 0, done.err
    assert remote.parameters["Authorization"] == token
    assert token not in remote.everything(done)
    assert "adoResult<<" in output.read_text()
    assert "\nsucceeded\n" in output.read_text()


def test_an_identity_token_that_is_refused_starts_nothing(remote: RemoteWorld, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_data("no", status=403)
    remote.environment |= {
        "ACTIONS_ID_TOKEN_REQUEST_URL": httpserver.url_for("/token?v=1"),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
    }
    done = remote.build()
    assert done.code == 6
    assert "identity token" in done.err
    assert remote.service.runs == ()
