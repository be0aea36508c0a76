"""Which signers sign: enabled for the repository, and fit for the class of the job (specification, section 8)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.notary.signer_type import NotarySettings
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.signing import choose_signers, why_not_signed
from image_builder_domain.trust.job import Job

from tests.jobs import as_claimed

SETTINGS = NotarySettings("https://sign.example/sign")
CI_TYPES: list[JobType] = [job_type for job_type in JobType if job_type is not JobType.LOCAL]
TRUSTED = [JobType.POSTSUBMIT, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH, JobType.PERIODIC]


def signer(name: str, *job_types: JobType) -> SignerDefinition:
    return SignerDefinition(name, "notary", job_types, SETTINGS, "config.yaml:1:1")


def configured(enabled: dict[str, tuple[str, ...]], *signers: SignerDefinition) -> Configuration:
    return Configuration("config.yaml", enabled_signers=enabled, signers=signers)


def job(job_type: JobType, owner: str | None = "acme", repo: str | None = "demo") -> Job:
    system = CiSystem.LOCAL if job_type is JobType.LOCAL else CiSystem.PROW
    return as_claimed(GitState(system, job_type, "1" * 40, owner, repo))


def chosen(configuration: Configuration, here: Job) -> list[str]:
    return [choice.definition.name for choice in choose_signers(configuration, here) if choice.chosen]


def whys(configuration: Configuration, here: Job) -> dict[str, str]:
    return {choice.definition.name: choice.why for choice in choose_signers(configuration, here)}


def test_signers_for_everyone_come_first_then_those_of_the_repository_each_once() -> None:
    configuration = configured(
        {"acme/demo": ("d", "b", "a"), "*": ("c", "b"), "acme/other": ("e",)}, *map(signer, ("a", "b", "c", "d", "e"))
    )
    assert chosen(configuration, job(JobType.POSTSUBMIT)) == ["c", "b", "d", "a"]


def test_a_signer_is_told_with_every_key_that_enables_it_and_signs_once() -> None:
    signers = (signer("a"), signer("b"), signer("c"), signer("d", JobType.POSTSUBMIT))
    configuration = configured({"*": ("a", "d", "a"), "acme/demo": ("a", "b")}, *signers)
    assert whys(configuration, job(JobType.POSTSUBMIT)) == {
        "a": "enabled by '*' and 'acme/demo'",
        "d": "enabled by '*', and its job-type names postsubmit",
        "b": "enabled by 'acme/demo'",
        "c": "not enabled for acme/demo",
    }
    assert chosen(configuration, job(JobType.POSTSUBMIT)) == ["a", "d", "b"]


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
    here = job(JobType.LOCAL, None, None)
    assert chosen(configuration, here) == []
    assert whys(configuration, here) == {"a": "the repository is unknown: outside CI --repo names it"}
    assert "--repo" in why_not_signed(choose_signers(configuration, here), here)


def test_nobody_signs_where_no_signer_is_defined() -> None:
    here = job(JobType.POSTSUBMIT)
    assert why_not_signed(choose_signers(configured({}), here), here) == "the configuration defines no signer"


def test_when_nobody_signs_every_signer_has_its_reason() -> None:
    here = job(JobType.POSTSUBMIT)
    configuration = configured({"*": ("b",)}, signer("a"), signer("b", JobType.PRESUBMIT))
    assert why_not_signed(choose_signers(configuration, here), here) == (
        "b: its job-type does not name postsubmit; a: not enabled for acme/demo"
    )


def test_when_somebody_signs_there_is_no_reason() -> None:
    here = job(JobType.POSTSUBMIT)
    assert why_not_signed(choose_signers(configured({"*": ("a",)}, signer("a"), signer("b")), here), here) == ""


NAMES = ("a", "b", "c", "d")
REPOSITORIES = ("*", "acme/demo", "acme/other")
job_types: st.SearchStrategy[list[JobType]] = st.lists(st.sampled_from(list(CI_TYPES)), unique=True)
definitions = st.lists(st.sampled_from(NAMES), unique=True).flatmap(
    lambda names: st.tuples(
        *(st.lists(st.sampled_from(CI_TYPES), unique=True).map(_definition(name)) for name in names)
    )
)


def _definition(name: str) -> Callable[[list[JobType]], SignerDefinition]:
    return lambda job_types: signer(name, *job_types)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    """Any valid one: what is enabled is defined."""
    signers = draw(definitions)
    names = [one.name for one in signers]
    lists = st.lists(st.sampled_from(names), min_size=1, max_size=6).map(tuple) if names else st.nothing()
    return configured(draw(st.dictionaries(st.sampled_from(REPOSITORIES), lists)), *signers)


states = st.sampled_from([job(job_type) for job_type in JobType] + [job(JobType.LOCAL, None, None)])


@given(configurations(), states)
def test_every_defined_signer_has_exactly_one_fate_and_a_reason(configuration: Configuration, here: Job) -> None:
    choices = choose_signers(configuration, here)
    assert sorted(choice.definition.name for choice in choices) == sorted(one.name for one in configuration.signers)
    assert all(choice.why for choice in choices)
    assert bool(why_not_signed(choices, here)) is not any(choice.chosen for choice in choices)


@given(configurations(), states)
def test_exactly_the_enabled_and_fit_sign_in_the_order_of_their_enabling(
    configuration: Configuration, here: Job
) -> None:
    listed = [
        name
        for key in ("*", "acme/demo")
        for name in configuration.enabled_signers.get(key, ())
        if here.state.repository is not None
    ]
    jobs = {one.name: one.job_types for one in configuration.signers}
    fit = {
        name
        for name, types in jobs.items()
        if (here.counts_as in types if types else here.counts_as in (*TRUSTED, JobType.LOCAL))
    }
    assert chosen(configuration, here) == [name for name in dict.fromkeys(listed) if name in fit]


@given(configurations(), states)
def test_unmerged_code_is_signed_only_by_who_names_its_class(configuration: Configuration, here: Job) -> None:
    for choice in choose_signers(configuration, here):
        if choice.chosen and here.counts_as not in (*TRUSTED, JobType.LOCAL):
            assert here.counts_as in choice.definition.job_types
        if choice.chosen and here.counts_as is JobType.LOCAL:
            assert not choice.definition.job_types
            assert here.state.repository is not None


@given(configurations(), states, st.sampled_from(REPOSITORIES))
def test_enabling_less_never_makes_more_sign(configuration: Configuration, here: Job, key: str) -> None:
    fewer = {name: enabled for name, enabled in configuration.enabled_signers.items() if name != key}
    less = configured(fewer, *configuration.signers)
    assert set(chosen(less, here)) <= set(chosen(configuration, here))
