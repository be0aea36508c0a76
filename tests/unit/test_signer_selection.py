"""Which signers sign: enabled for the repository, and fit for the class of the job (specification, section 8)."""

import pytest
from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import CiSystem, GitState
from image_builder_domain.job_type import JobType
from image_builder_domain.signer_selection import choose_signers, why_not_signed
from image_builder_domain.signer_settings import NotarySettings, SignerDefinition

SETTINGS = NotarySettings("https://sign.example/sign")
CI_TYPES = [job_type for job_type in JobType if job_type is not JobType.LOCAL]
TRUSTED = [JobType.POSTSUBMIT, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH, JobType.PERIODIC]


def signer(name: str, *job_types: JobType) -> SignerDefinition:
    return SignerDefinition(name, "notary", job_types, SETTINGS, "config.yaml:1:1")


def configured(enabled: dict[str, tuple[str, ...]], *signers: SignerDefinition) -> Configuration:
    return Configuration("config.yaml", enabled_signers=enabled, signers=signers)


def job(job_type: JobType, owner: str | None = "acme", repo: str | None = "demo") -> GitState:
    system = CiSystem.LOCAL if job_type is JobType.LOCAL else CiSystem.PROW
    return GitState(system, job_type, "1" * 40, owner, repo)


def chosen(configuration: Configuration, state: GitState) -> list[str]:
    return [choice.definition.name for choice in choose_signers(configuration, state) if choice.chosen]


def whys(configuration: Configuration, state: GitState) -> dict[str, str]:
    return {choice.definition.name: choice.why for choice in choose_signers(configuration, state)}


def test_signers_for_everyone_come_first_then_those_of_the_repository_each_once() -> None:
    configuration = configured(
        {"acme/demo": ("d", "b", "a"), "*": ("c", "b"), "acme/other": ("e",)}, *map(signer, ("a", "b", "c", "d", "e"))
    )
    assert chosen(configuration, job(JobType.POSTSUBMIT)) == ["c", "b", "d", "a"]


def test_a_signer_is_told_with_the_key_that_enables_it() -> None:
    configuration = configured({"*": ("a",), "acme/demo": ("a", "b")}, signer("a"), signer("b"), signer("c"))
    assert whys(configuration, job(JobType.POSTSUBMIT)) == {
        "a": "enabled by '*'",
        "b": "enabled by 'acme/demo'",
        "c": "not enabled for acme/demo",
    }


def test_a_signer_of_another_repository_does_not_sign() -> None:
    configuration = configured({"acme/other": ("a",), "acme/demo-2": ("a",)}, signer("a"))
    assert chosen(configuration, job(JobType.POSTSUBMIT)) == []


@pytest.mark.parametrize("job_type", CI_TYPES)
def test_a_signer_without_job_type_signs_for_trusted_jobs_alone(job_type: JobType) -> None:
    assert bool(chosen(configured({"*": ("a",)}, signer("a")), job(job_type))) is (job_type in TRUSTED)


@pytest.mark.parametrize("named", CI_TYPES)
@pytest.mark.parametrize("job_type", CI_TYPES)
def test_a_signer_with_a_job_type_signs_for_that_alone(job_type: JobType, named: JobType) -> None:
    assert bool(chosen(configured({"*": ("a",)}, signer("a", named)), job(job_type))) is (job_type is named)


def test_a_signer_may_name_several_job_types() -> None:
    configuration = configured({"*": ("a",)}, signer("a", JobType.PRESUBMIT, JobType.POSTSUBMIT))
    assert chosen(configuration, job(JobType.PRESUBMIT)) == chosen(configuration, job(JobType.POSTSUBMIT)) == ["a"]


def test_why_a_job_type_leaves_a_signer_out() -> None:
    configuration = configured({"*": ("a", "b")}, signer("a"), signer("b", JobType.POSTSUBMIT))
    assert whys(configuration, job(JobType.PRESUBMIT)) == {
        "a": "a presubmit is signed only by a signer whose job-type names it",
        "b": "its job-type does not name presubmit",
    }


def test_outside_ci_the_flag_lets_signers_without_job_type_sign() -> None:
    configuration = configured({"*": ("a", "b")}, signer("a"), signer("b", JobType.POSTSUBMIT))
    assert chosen(configuration, job(JobType.LOCAL)) == ["a"]
    assert whys(configuration, job(JobType.LOCAL))["b"] == "it has a job-type, and this is outside CI"


def test_outside_ci_without_the_flag_nobody_signs() -> None:
    configuration = configured({"*": ("a",)}, signer("a"))
    state = job(JobType.LOCAL, None, None)
    assert chosen(configuration, state) == []
    assert whys(configuration, state) == {"a": "the repository is unknown: outside CI --repo names it"}
    assert "--repo" in why_not_signed(choose_signers(configuration, state), state)


def test_nobody_signs_where_no_signer_is_defined() -> None:
    state = job(JobType.POSTSUBMIT)
    assert why_not_signed(choose_signers(configured({}), state), state) == "the configuration defines no signer"


def test_when_nobody_signs_every_signer_has_its_reason() -> None:
    state = job(JobType.POSTSUBMIT)
    configuration = configured({"*": ("b",)}, signer("a"), signer("b", JobType.PRESUBMIT))
    assert why_not_signed(choose_signers(configuration, state), state) == (
        "b: its job-type does not name postsubmit; a: not enabled for acme/demo"
    )


def test_when_somebody_signs_there_is_no_reason() -> None:
    state = job(JobType.POSTSUBMIT)
    assert why_not_signed(choose_signers(configured({"*": ("a",)}, signer("a"), signer("b")), state), state) == ""
