"""The stand-in's agent carries out definitions as the real one does: steps, variables, secrets, conditions, the end."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from image_builder_stand_ins.azure_devops.agent.agent import AgentSettings
from image_builder_stand_ins.azure_devops.agent.variable import AgentCommand, Variable, Variables
from image_builder_stand_ins.azure_devops.service import AzureDevOps

from tests.azure_devops import Client, wait_for
from tests.processes import is_alive
from tests.programs import require

SECRET = "s3cr3t-of-the-group"
GROUPS = {"mine": {"PLAIN": Variable("plain"), "HIDDEN": Variable(SECRET, secret=True)}}


@pytest.fixture
def client() -> Iterator[Client]:
    with AzureDevOps.start() as service:
        yield Client(service)


def add(client: Client, definition: str, **settings: Any) -> int:
    agent = AgentSettings(GROUPS, {"PATH": os.environ["PATH"]}, **settings)
    return client.service.add_pipeline("mine", definition, agent=agent).card.id


def run(client: Client, definition: str, **parameters: str) -> int:
    return client.finish(add(client, definition), parameters)


def result(client: Client, number: int) -> str:
    found: str = client.ask(f"build/builds/{number}").json()["result"]
    return found


def everything(client: Client, number: int) -> str:
    logs = [log["id"] for log in client.ask(f"build/builds/{number}/logs").json()["value"]]
    return "".join(
        client.ask(f"build/builds/{number}/logs/{log}", headers={"Accept": "text/plain"}).text() for log in logs
    )


def test_a_step_runs_in_a_work_folder_with_the_agents_variables(client: Client) -> None:
    definition = 'steps:\n- bash: "echo in $PWD; echo $TF_BUILD $BUILD_BUILDID; ls"\n  name: look\n'
    number = run(client, definition)
    log = client.log(number, "look")
    assert any(line.endswith("/_work/1/s") for line in log)
    assert f"True {number}" in log
    assert "azure-pipelines.yml" in log


def test_a_step_gets_its_environment_and_no_secret_that_it_was_not_given(client: Client) -> None:
    definition = """
variables:
- group: mine
steps:
- bash: echo "$NAME/$PLAIN/${HIDDEN:-nothing}/$(PLAIN)/$(UNKNOWN_)"
  name: look
  env: {NAME: "given $(PLAIN)"}
"""
    assert "given plain/plain/nothing/plain/$(UNKNOWN_)" not in client.log(run(client, definition), "look")
    shown = client.log(client.service.runs[0].id, "look")
    assert any(line.startswith("given plain/plain/nothing/plain/") for line in shown)


def test_secrets_are_hidden_in_every_log(client: Client) -> None:
    definition = """
variables:
- group: mine
steps:
- bash: |
    echo "group: $GIVEN"
    echo "##vso[task.setvariable variable=later;issecret=true]another secret"
    echo "##vso[task.setsecret]reported at last"
  env: {GIVEN: $(HIDDEN)}
- bash: 'echo "later: $(later), reported at last"'
  name: second
"""
    number = run(client, definition)
    text = everything(client, number)
    assert "group: ***" in text
    assert client.log(number, "second").count("later: ***, ***") == 1
    assert SECRET not in text
    assert "Z later: another secret" not in text


def test_variables_go_from_step_to_step(client: Client) -> None:
    definition = """
steps:
- bash: |
    echo "##vso[task.setvariable variable=found]one%3B two"
    echo "##vso[task.setvariable variable=fixed;isreadonly=true]first"
    echo "##vso[task.setvariable variable=out;isoutput=true]given"
  name: first
- bash: 'echo "##vso[task.setvariable variable=fixed]second"'
- bash: echo "$FOUND and $(found), $FIXED, $(first.out)"
  name: last
"""
    assert "one; two and one; two, first, given" in client.log(run(client, definition), "last")
    assert "##[error]'fixed' is read-only." in client.log(client.service.runs[0].id, "Bash")


def test_a_restricted_step_sets_only_what_it_may(client: Client) -> None:
    definition = """
steps:
- bash: |
    echo "text ##vso[task.setvariable variable=PATH]/nowhere"
    echo "##vso[task.setvariable variable=allowed]yes"
    echo "##vso[task.complete result=Succeeded;]done"
    exit 3
  target: {commands: restricted, settableVariables: [allowed]}
  continueOnError: true
  name: first
- bash: ls >/dev/null && echo "$ALLOWED"
  name: second
"""
    number = run(client, definition)
    assert client.records(number)["first"]["result"] == "succeededWithIssues"
    assert "yes" in client.log(number, "second")
    assert (result(client, number), client.ask(f"pipelines/42/runs/{number}").json()["result"]) == (
        "partiallySucceeded",
        "succeeded",
    )


def test_a_failing_step_ends_the_job_but_not_what_always_runs(client: Client) -> None:
    definition = """
steps:
- bash: exit 4
  name: first
- bash: echo never
  name: second
- bash: echo "it has $AGENT_JOBSTATUS"
  condition: always()
  name: third
- bash: echo never
  condition: and(always(), eq(variables['Agent.JobStatus'], 'Succeeded'))
  name: fourth
- bash: echo sorry
  condition: failed()
  name: fifth
"""
    number = run(client, definition)
    records = client.records(number)
    found = [records[name]["result"] for name in ("first", "second", "third", "fourth", "fifth")]
    assert found == ["failed", "skipped", "succeeded", "skipped", "succeeded"]
    assert records["first"]["issues"][0]["message"] == "Bash exited with code '4'."
    assert records["second"]["resultCode"].endswith("Result: False\r\n")
    assert "it has Failed" in client.log(number, "third")
    assert result(client, number) == "failed"


def test_a_failing_job_ends_the_run(client: Client) -> None:
    definition = "jobs:\n- job: one\n  steps: [{bash: exit 1}]\n- job: two\n  steps: [{bash: echo}]\n"
    number = run(client, definition)
    assert "two" not in client.records(number)
    assert result(client, number) == "failed"


def test_issues_and_results_of_a_step_are_in_the_timeline(client: Client) -> None:
    definition = """
steps:
- bash: |
    echo "##vso[task.logissue type=warning]careful%0Athere"
    echo "##vso[task.complete result=SucceededWithIssues;]"
  name: first
"""
    record = client.records(run(client, definition))["first"]
    assert (record["result"], record["warningCount"], record["errorCount"]) == ("succeededWithIssues", 1, 0)
    assert record["issues"][0]["message"] == "careful\nthere"


def test_a_canceled_step_is_interrupted_and_what_always_runs_still_runs(client: Client, tmp_path: Path) -> None:
    """The whole group gets SIGINT first: the script's own child here waits for nothing else."""
    ready, reported = tmp_path / "ready", tmp_path / "reported"
    script = f"trap 'echo interrupted > {reported}; exit 1' INT; touch {ready}; while true; do sleep 0.05; done"
    definition = f"""
steps:
- bash: |
    ({script}) &
    wait
  name: first
- bash: echo cleaned
  condition: always()
  name: second
- bash: echo never
  name: third
"""
    number = client.start(add(client, definition)).json()["id"]
    wait_for(ready.exists)
    client.ask(f"build/builds/{number}", "PATCH", {"status": "cancelling"})
    wait_for(client.service.runs[0].completed.is_set)
    assert [client.records(number)[name]["result"] for name in ("first", "second", "third")] == [
        "canceled",
        "succeeded",
        "skipped",
    ]
    assert result(client, number) == "canceled"


def test_a_step_that_hears_no_signal_is_killed(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    definition = f"steps:\n- bash: \"trap '' INT TERM; echo $$ > {file}; while true; do sleep 0.05; done\"\n"
    client.start(add(client, definition, stop_seconds=0.1))
    wait_for(lambda: file.exists() and file.read_text().strip())
    client.service.runs[0].cancel()
    wait_for(client.service.runs[0].completed.is_set)
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_processes_that_a_step_leaves_are_ended_with_the_job_unless_they_dropped_their_environment(
    client: Client, tmp_path: Path
) -> None:
    definition = f"""
steps:
- bash: |
    sleep 60 & echo $! > {tmp_path}/marked
    env -i {require("sleep")} 61 & echo $! > {tmp_path}/unmarked
- bash: kill -0 $(cat {tmp_path}/marked) && echo still there
  name: second
"""
    started = time.monotonic()
    number = run(client, definition)
    assert time.monotonic() - started < 15
    assert "still there" in client.log(number, "second")
    marked, unmarked = (int((tmp_path / name).read_text()) for name in ("marked", "unmarked"))
    assert client.log(number, "Finalize Job")[-1] == f"Terminate orphan process: pid ({marked})"
    wait_for(lambda: not is_alive(marked))
    assert is_alive(unmarked)
    client.service.stop()
    wait_for(lambda: not is_alive(unmarked))


@pytest.mark.parametrize(
    ("clean", "left"),
    [
        pytest.param("", "b s source", id="nothing"),
        pytest.param("outputs", "s source", id="outputs"),
        pytest.param("resources", "b source", id="resources"),
        pytest.param("all", "", id="all"),
    ],
)
def test_an_agent_keeps_a_pipelines_folders_but_for_what_is_cleaned(client: Client, clean: str, left: str) -> None:
    workspace = f"  workspace: {{clean: {clean}}}\n" if clean else ""
    steps = """
  - bash: |
      cd "$PIPELINE_WORKSPACE"
      for name in a b s source; do if [[ -e $name/left ]]; then echo "kept $name"; fi; done
      if [[ -e $AGENT_TEMPDIRECTORY/left ]]; then echo "kept temporary"; fi
      mkdir -p source && touch {a,b,s,source}/left "$AGENT_TEMPDIRECTORY/left"
      chmod 0500 a b s source
    name: look
"""
    pipeline = add(client, f"jobs:\n- job: one\n{workspace}  steps:{steps}")
    client.finish(pipeline)
    log = client.log(client.finish(pipeline), "look")
    assert [line.removeprefix("kept ") for line in log if line.startswith("kept ")] == left.split()


def test_an_agent_carries_out_one_job_at_a_time(client: Client, tmp_path: Path) -> None:
    pipeline = add(client, f"steps:\n- bash: until [[ -e {tmp_path}/go ]]; do sleep 0.02; done\n")
    numbers = [client.start(pipeline).json()["id"] for _ in range(3)]
    wait_for(lambda: len(client.service.runs) == 3)
    client.ask(f"build/builds/{numbers[2]}", "PATCH", {"status": "cancelling"})
    wait_for(client.service.runs[0].completed.is_set)
    waiting = client.records(numbers[1])
    (tmp_path / "go").touch()
    wait_for(lambda: all(each.completed.is_set() for each in client.service.runs))
    assert {waiting[name]["state"] for name in ("Job", "Initialize job")} == {"pending"}
    assert [result(client, number) for number in numbers] == ["succeeded", "succeeded", "canceled"]


def test_a_job_has_a_deadline(client: Client) -> None:
    definition = "jobs:\n- job: one\n  timeoutInMinutes: 1\n  steps: [{bash: sleep 60, name: first}]\n"
    number = client.finish(add(client, definition, minute=0.2))
    assert (client.records(number)["first"]["result"], result(client, number)) == ("canceled", "canceled")


def test_a_step_has_a_deadline(client: Client) -> None:
    definition = "steps:\n- bash: sleep 60\n  timeoutInMinutes: 1\n  name: first\n"
    number = client.finish(add(client, definition, minute=0.2))
    assert (client.records(number)["first"]["result"], result(client, number)) == ("failed", "failed")


def test_logs_one_and_two_show_the_expanded_definition_with_every_value(client: Client) -> None:
    definition = "parameters:\n- name: Token\nsteps:\n- bash: echo $T\n  env: {T: '${{ parameters.Token }}'}\n"
    number = run(client, definition, Token="eyJ.clear.text")
    texts = [client.ask(f"build/builds/{number}/logs/{log}").text() for log in (1, 2)]
    assert "T: eyJ.clear.text" in texts[0]
    assert "parameters.Token: eyJ.clear.text" in texts[1]


def test_output_that_is_not_utf8_and_carriage_returns_pass(client: Client) -> None:
    definition = "steps:\n- bash: printf 'a\\xffb\\r\\nlast'\n  name: first\n"
    log = client.log(run(client, definition), "first")
    assert log[log.index("a\ufffdb") :][:2] == ["a\ufffdb", "last"]


def test_a_group_that_is_not_there_is_refused(client: Client) -> None:
    pipeline = add(client, "variables:\n- group: theirs\nsteps:\n- bash: echo\n")
    answer = client.start(pipeline)
    assert (answer.status, client.service.runs) == (400, ())
    assert answer.json()["message"].startswith("Variable group theirs could not be found.")


@pytest.mark.parametrize(
    ("definition", "reported"),
    [
        pytest.param("steps:\n- pwsh: echo\n", "'pwsh'", id="kind"),
        pytest.param("steps:\n- bash: echo\n  retryCountOnTaskFailure: 2\n", "'retryCountOnTaskFailure'", id="key"),
        pytest.param("stages: []\n", "'stages'", id="stages"),
        pytest.param("resources: {}\nsteps: []\n", "'resources'", id="resources"),
        pytest.param("steps:\n- checkout: other\n", "'other'", id="checkout"),
        pytest.param("jobs:\n- job: a\n  strategy: {}\n", "'strategy'", id="strategy"),
        pytest.param("steps:\n- bash: echo\n  condition: startsWith('a', 'b')\n", "'startsWith'", id="function"),
    ],
)
def test_an_unsupported_key_is_refused_by_its_name(client: Client, definition: str, reported: str) -> None:
    answer = client.start(add(client, definition))
    assert (answer.status, answer.json()["typeKey"]) == (400, "PipelineValidationException")
    assert reported in answer.json()["message"]


def test_a_service_that_stops_leaves_no_step_behind(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with AzureDevOps.start() as service:
        client = Client(service)
        client.start(add(client, f"steps:\n- bash: echo $$ > {file}; exec sleep 60\n"))
        wait_for(lambda: file.exists() and file.read_text().strip())
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), signal.SIGKILL)


# --- the parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "##vso[task.setvariable variable=A;isSecret=true]x",
            ("task.setvariable", {"variable": "A", "issecret": "true"}, "x"),
        ),
        ("before ##vso[task.complete result=Failed;]", ("task.complete", {"result": "Failed"}, "")),
        ("##vso[task.logissue type=error]a%0Db%AZP250D", ("task.logissue", {"type": "error"}, "a\rb%0D")),
        ("## vso[task.complete]", None),
        ("##[error]no command", None),
        ("##vso[task]x", None),
    ],
)
def test_a_command_is_found_anywhere_in_a_line(line: str, expected: tuple[str, dict[str, str], str] | None) -> None:
    found = AgentCommand.find(line)
    assert (None if found is None else (found.name, dict(found.properties), found.text)) == expected


def test_macros_are_worked_out_to_the_end_and_not_for_ever() -> None:
    variables = Variables()
    variables.put("a", Variable("$(b)!"))
    variables.put("b", Variable("x$(c)"))
    variables.put("round", Variable("$(round)"))
    assert (variables.expand("$(A) $(c)"), variables.expand("$(round)")) == ("x$(c)! $(c)", "$(round)")


def test_longer_secrets_hide_first_and_each_line_of_one_on_its_own() -> None:
    variables = Variables()
    variables.hide("abc")
    variables.hide("abcdef\nsecond line")
    assert variables.masked("abcdef abc second line") == "*** *** ***"
