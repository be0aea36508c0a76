"""The run whose start was not answered: found by the list of builds, with few and small requests."""

import json
from typing import Any

import pytest
from image_builder_domain.remote_pipeline import Parameter, RunRequest, RunUncertain
from image_builder_stand_ins.azure_devops import amendment
from image_builder_stand_ins.azure_devops.fault import Amend, Fault, HangUp, LoseAnswer, Replace, front_door
from image_builder_stand_ins.azure_devops.message import Answer, Operation, error, json_answer
from image_builder_stand_ins.azure_devops.run import Run as ServedRun

from tests.contract.pipeline_bench import REQUEST, Stage, stage

SECRET = RunRequest((Parameter.of("Name", "demo"), Parameter.secret("Token", "hidden")))
MASKED = amendment.values(lambda value: {**value, "templateParameters": {"name": "demo", "Token": "***"}})
UNTOLD = amendment.without("templateParameters")
SHOWN = amendment.in_list(
    lambda build: {**build, "templateParameters": {"Name": "demo" if build["id"] == 907 else "another"}}
)


def lose(made: Stage, *faults: tuple[Operation, Fault, int | None]) -> None:
    made.service.inject(LoseAnswer(), on=[Operation.START_RUN])
    for operation, fault, times in faults:
        made.service.inject(fault, on=[operation], times=times)


def others(made: Stage, count: int, parameters: dict[str, Any], seconds_ago: int = 0) -> None:
    """Runs that somebody else started."""

    def work(run: ServedRun) -> str:
        run.queued -= seconds_ago * 1_000_000_000
        return "succeeded"

    for _ in range(count):
        assert made.service.start_run(made.pipeline, parameters, work).completed.wait(10)


FOUND = [
    pytest.param([], id="nothing-else"),
    pytest.param([(Operation.LIST_BUILDS, Replace(front_door()), 2)], id="list-503-twice"),
    pytest.param([(Operation.LIST_BUILDS, HangUp(), 2)], id="list-hang-up"),
    pytest.param([(Operation.GET_RUN, Replace(front_door()), 1)], id="run-503"),
    pytest.param([(Operation.GET_RUN, Amend(amendment.with_bom()), None)], id="byte-order-mark"),
    pytest.param([(Operation.LIST_BUILDS, Amend(SHOWN), None), (Operation.GET_RUN, HangUp(), None)], id="list-shows"),
    pytest.param(
        [(Operation.LIST_BUILDS, Amend(amendment.in_list(lambda each: {**each, "queueTime": None})), None)],
        id="no-queue-time",
    ),
    pytest.param(
        [
            (
                Operation.LIST_BUILDS,
                Amend(amendment.values(lambda value: {**value, "value": [7, None, *value["value"]]})),
                None,
            )
        ],
        id="other-types-in-the-list",
    ),
    pytest.param([(Operation.LIST_BUILDS, Replace(json_answer({"count": 0, "value": []})), 1)], id="empty-at-first"),
]


@pytest.mark.parametrize("faults", FOUND)
def test_the_run_is_found_in_spite_of(faults: list[tuple[Operation, Fault, int | None]]) -> None:
    with stage() as made:
        others(made, 3, {"Name": "another"})
        others(made, 3, {"Name": "demo"}, seconds_ago=60)
        lose(made, *faults)
        run = made.start()
        assert run.number == made.service.runs[0].id
        assert made.service.count(Operation.START_RUN) == 1


def test_a_masked_secret_and_names_in_another_case_are_still_ours() -> None:
    with stage() as made:
        made.pipeline = made.service.add_pipeline(
            "two", "parameters: [{name: Name}, {name: Token}]\nsteps: []\n", made.work
        )
        made.adapter = made.open()
        lose(made, (Operation.GET_RUN, Amend(MASKED), None))
        assert made.adapter.start(SECRET, made.cancellation).unwrap().number == made.service.runs[0].id


UNCERTAIN = [
    pytest.param([(Operation.GET_RUN, Amend(UNTOLD), None)], "does not show the parameters of a run", id="untold"),
    pytest.param([(Operation.GET_RUN, Replace(Answer(204)), None)], "does not show the parameters", id="run-204"),
    pytest.param(
        [(Operation.GET_RUN, Replace(error(403, "AccessDeniedException", "no")), None)],
        "does not show the parameters of a run",
        id="run-403",
    ),
    pytest.param([(Operation.LIST_BUILDS, Replace(front_door()), None)], "it cannot be searched", id="list-503"),
    pytest.param(
        [(Operation.LIST_BUILDS, Replace(error(403, "AccessDeniedException", "no access")), None)],
        "no access",
        id="list-403",
    ),
    pytest.param(
        [(Operation.LIST_BUILDS, Replace(json_answer({"count": 0, "value": []})), None)],
        "no run since then has these parameters",
        id="list-empty",
    ),
    pytest.param(
        [(Operation.LIST_BUILDS, Replace(json_answer({"value": "x" * 3_000_000})), None)],
        "it cannot be searched",
        id="list-of-megabytes",
    ),
    pytest.param(
        [(Operation.GET_RUN, Amend(amendment.put(padding="x" * 300_000)), None)],
        "does not show the parameters of a run",
        id="large-run",
    ),
]


@pytest.mark.parametrize(("faults", "expected"), UNCERTAIN)
def test_a_run_that_cannot_be_found_is_uncertain_for_a_true_reason(
    faults: list[tuple[Operation, Fault, int | None]], expected: str
) -> None:
    with stage() as made:
        lose(made, *faults)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, RunUncertain)
        assert expected in str(found)
        assert "may have been started" in str(found)
        assert made.service.count(Operation.START_RUN) == 1


def test_a_busy_pipeline_costs_few_requests() -> None:
    with stage() as made:
        others(made, 80, {"Name": "another"})
        lose(made)
        run = made.start()
        assert run.number == made.service.runs[0].id
        assert made.service.count(Operation.GET_RUN) <= 10
        lists = [
            each.request.query for each in made.service.requests if each.request.operation is Operation.LIST_BUILDS
        ]
        assert [(query["$top"], query["definitions"]) for query in lists] == [("1", "42"), ("50", "42")]
        assert lists[1]["minTime"].endswith("Z")


def test_more_recent_runs_than_can_be_read_are_uncertain() -> None:
    with stage() as made:
        lose(made, (Operation.LIST_BUILDS, Amend(many), None))
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert "does not show the parameters of 41 runs" in str(found)
        assert made.service.count(Operation.GET_RUN) <= 50


def many(_request: object, answer: Answer) -> Answer:
    """A list of builds whose newest ones belong to somebody else."""
    value = json.loads(answer.content)
    strangers = [{"id": number, "templateParameters": None} for number in range(5000, 5040)]
    return answer.with_content(json_answer({**value, "value": [*strangers, *value["value"]]}).body)
