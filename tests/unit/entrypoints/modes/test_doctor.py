"""What doctor looks at: programs, daemons, registries, credentials; and what it makes of what it finds."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from image_builder.modes.examination.job import look_at_checkout, look_at_job
from image_builder.modes.examination.pipeline import look_at_pipeline
from image_builder.presenters.doctor import diagnosis_as_json, diagnosis_as_text
from image_builder_adapters.registry import DockerCredentials
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.diagnosis import Diagnosis, Finding
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.image.reference import Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.job.local import Place
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.trust.checkout import Checkout, CheckoutFacts
from returns.result import Success

from tests.jobs import BASE, GITLAB_PUSH, claimed_checkout

GOOD = Finding("engine x", "tool", "/bin/tool (1.2)", is_needed=True)
SPARE = Finding("engine x", "spare", "not found", False, False, "install it")
MISSING = Finding("registry", "reg.example", "no answer", False, True, "check its name")


def test_only_what_is_needed_and_missing_is_exit_code_2() -> None:
    assert Diagnosis((GOOD, SPARE)).exit_code is ExitCode.DONE
    assert Diagnosis((GOOD, SPARE, MISSING)).exit_code is ExitCode.REFUSED
    assert Diagnosis((MISSING.spare(),)).exit_code is ExitCode.DONE


def test_people_read_each_area_once_and_what_is_missing_at_the_end() -> None:
    assert diagnosis_as_text(Diagnosis((GOOD, SPARE, MISSING))).splitlines() == [
        "Engine x",
        "  ok       tool: /bin/tool (1.2)",
        "  -        spare: not found",
        "           -> install it",
        "Registry",
        "  MISSING  reg.example: no answer",
        "           -> check its name",
        "1 needed and missing",
        "  registry: reg.example",
    ]


def test_programs_read_every_finding() -> None:
    shown = diagnosis_as_json(Diagnosis((GOOD, MISSING)))
    assert shown["usable"] is False
    assert shown["findings"][1] == {
        "area": "registry",
        "subject": "reg.example",
        "found": "no answer",
        "good": False,
        "needed": True,
        "remedy": "check its name",
    }


def test_places_of_credentials_are_named_in_the_order_in_which_they_count(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "auths": {"reg.example": {"auth": "dTpw"}, "reg.example/team": {"auth": "dTpw"}},
                "credHelpers": {"reg.example": "cloud"},
                "credsStore": "keychain",
            }
        )
    )
    credentials = DockerCredentials({"DOCKER_CONFIG": str(tmp_path)})
    assert credentials.places(Repository("reg.example", "team/app")).unwrap() == (
        f"{file}: credHelpers['reg.example'] (docker-credential-cloud)",
        f"{file}: auths['reg.example/team']",
    )


def test_google_names_its_own_key() -> None:
    credentials = DockerCredentials({"GOOGLE_APPLICATION_CREDENTIALS": "/key.json"})
    assert credentials.places(Repository("eu.gcr.io", "x")).unwrap() == ("GOOGLE_APPLICATION_CREDENTIALS",)
    assert credentials.places(Repository("ghcr.io", "x")).unwrap() == ()


def test_a_checkout_of_another_commit_is_missing_and_the_right_one_is_reported() -> None:
    known = Configuration("config.yaml", registries=(RegistryPrefix.parse("reg.example/prod").unwrap(),))
    state = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo")
    inputs = TagInputs(Asked("app"), Success(known), Success(state), datetime(2026, 1, 2, tzinfo=UTC), {})
    (right,) = look_at_checkout(inputs, claimed_checkout(state))
    assert (right.found, right.is_missing) == ("HEAD of '/src' is the claimed commit", False)
    (wrong,) = look_at_checkout(inputs, CheckoutFacts(Checkout("/src", "4" * 40)))
    assert wrong.is_missing
    dirty = Checkout("/src", "1" * 40, modified=("app",))
    assert [found.is_good for found in look_at_checkout(inputs, CheckoutFacts(dirty))] == [True, False]


def test_the_facts_of_a_job_are_shown() -> None:
    state = read_git_state(GITLAB_PUSH | {"CI_PIPELINE_SOURCE": "web"}, None, None)
    _, found = look_at_job(GITLAB_PUSH, Place(), state)
    assert found.found == (
        f"workflow_dispatch, of acme/tools/demo, commit {BASE}, on gitlab.example, default branch main, "
        "the person who starts the job chooses its commit"
    )


def test_a_ci_system_that_nobody_knows_is_missing() -> None:
    environment = {"CI": "true"}
    found = list(look_at_job(environment, Place(), read_git_state(environment, None, None, None)))
    assert found[0].is_missing
    assert all(finding.is_missing and finding.remedy for finding in found[1:])


ADO = AdoSettings("https://dev.azure.com/acme", "proj", 7)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ADO_PAT": "hunter2"}, "ADO_PAT"),
        (
            {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "hunter2"},
            "the service principal c",
        ),
        (
            {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": "hunter2"},
            "ADO_PAT: there is no credential for Azure DevOps"
            " (AZURE_TENANT_ID and AZURE_CLIENT_SECRET alone are not enough)",
        ),
        ({}, "ADO_PAT: there is no credential for Azure DevOps"),
    ],
)
def test_the_pipelines_credential_is_reported_by_name(environment: dict[str, str], expected: str) -> None:
    configured, credential, *_ = look_at_pipeline(Configuration("c", ado=ADO), True, environment)
    assert "pipeline 7 of https://dev.azure.com/acme/proj" in configured.found
    assert credential.found == expected
    assert credential.is_missing == ("no credential" in expected)


@pytest.mark.parametrize(
    ("parameters", "environment", "expected"),
    [
        ("v1", {}, []),
        ("v2", {}, [("this job cannot ask for one", False)]),
        (
            "v2",
            {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hunter2"},
            [("this job may ask GitHub for one", True)],
        ),
    ],
)
def test_whether_a_job_can_prove_what_it_is_for_a_pipeline_that_may_want_it(
    parameters: str, environment: dict[str, str], expected: list[tuple[str, bool]]
) -> None:
    configuration = Configuration("c", ado=replace(ADO, parameters=parameters))
    _, _, *more = look_at_pipeline(configuration, True, environment)
    assert [(finding.found, finding.is_good) for finding in more] == expected
    assert not any(finding.is_missing for finding in more)


def test_nobody_misses_a_pipeline_that_is_not_used() -> None:
    assert not any(finding.is_missing for finding in look_at_pipeline(None, False, {}))
