"""Which signers sign, and which images that exist may be signed by which side (specification, section 8; T6)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.notary.settings import NotarySettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.signing import SignPlan, choose_signers, decide_signing, why_not_signed
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.trust.configuration_origin import Origin
from image_builder_domain.trust.side import Job
from returns.result import Failure, Result, Success

from tests.given import TIME
from tests.jobs import MAIN, as_claimed

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


def test_a_signer_is_shown_with_every_key_that_enables_it_and_signs_once() -> None:
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
def test_a_signer_without_job_type_signs_only_for_trusted_jobs(job_type: JobType) -> None:
    assert bool(chosen(configured({"*": ("a",)}, signer("a")), job(job_type))) is (job_type in TRUSTED)


@pytest.mark.parametrize("named", CI_TYPES)
@pytest.mark.parametrize("job_type", CI_TYPES)
def test_a_signer_with_a_job_type_signs_only_for_that(job_type: JobType, named: JobType) -> None:
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


def test_outside_ci_no_signer_signs_without_the_flag() -> None:
    configuration = configured({"*": ("a",)}, signer("a"))
    here = job(JobType.LOCAL, None, None)
    assert chosen(configuration, here) == []
    assert whys(configuration, here) == {"a": "the repository is unknown: outside CI --repo names it"}
    assert "--repo" in why_not_signed(choose_signers(configuration, here), here)


def test_the_reason_without_any_definition_of_a_signer() -> None:
    here = job(JobType.POSTSUBMIT)
    assert why_not_signed(choose_signers(configured({}), here), here) == "the configuration defines no signer"


def test_the_reason_names_every_signer_if_none_signs() -> None:
    here = job(JobType.POSTSUBMIT)
    configuration = configured({"*": ("b",)}, signer("a"), signer("b", JobType.PRESUBMIT))
    assert why_not_signed(choose_signers(configuration, here), here) == (
        "b: its job-type does not name postsubmit; a: not enabled for acme/demo"
    )


def test_the_reason_is_empty_if_a_signer_signs() -> None:
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


# --- signing images that exist ------------------------------------------------------------------------------------


def signing(
    images: tuple[str, ...],
    known: Configuration,
    state: Result[GitState, Problems],
    origin: Origin = Origin.APART,
) -> Result[SignPlan, Problems]:
    return decide_signing(images, TagInputs(Asked(), Success(known), state, TIME, {}, origin=origin))


UNMERGED = (JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH)
PRODUCTION, DEVELOPMENT, ELSEWHERE = "r.example/prod/app:v1", "r.example/dev/app:v1", "other.example/app:v1"


def configuration(job_types: tuple[JobType, ...], dev: bool = True) -> Configuration:
    return Configuration(
        file="config.yaml",
        registries=(RegistryPrefix.parse("r.example/prod").unwrap(),),
        dev_registries=(RegistryPrefix.parse("r.example/dev").unwrap(),) if dev else (),
        enabled_signers={"*": ("s",)},
        signers=(
            SignerDefinition("s", "notary", job_types, NotarySettings("https://signing.example"), "config.yaml:1:1"),
        ),
    )


def state(job_type: JobType) -> GitState:
    return GitState(CiSystem.PROW, job_type, "1" * 40, "acme", "demo")


@pytest.mark.parametrize("job_type", UNMERGED)
@pytest.mark.parametrize("image", [PRODUCTION, ELSEWHERE, "r.example/development/app:v1"])
@pytest.mark.parametrize("dev", [True, False])
def test_unmerged_code_signs_nothing_outside_the_development_registry(job_type: JobType, image: str, dev: bool) -> None:
    refused = signing((DEVELOPMENT, image), configuration(tuple(JobType), dev), Success(state(job_type)))
    assert any(image in problem.what for problem in refused.failure())


@pytest.mark.parametrize("job_type", UNMERGED)
def test_unmerged_code_needs_a_signer_that_names_it(job_type: JobType) -> None:
    def decided(*job_types: JobType) -> object:
        return signing((DEVELOPMENT,), configuration(job_types), Success(state(job_type)))

    assert isinstance(decided(), Failure)
    assert isinstance(decided(JobType.POSTSUBMIT), Failure)
    assert isinstance(decided(job_type), Success)


@pytest.mark.parametrize("job_type", UNMERGED)
def test_unmerged_code_signs_with_no_configuration_of_its_own(job_type: JobType) -> None:
    refused = signing((DEVELOPMENT,), configuration((job_type,)), Success(state(job_type)), Origin.ALONE)
    assert [problem.where for problem in refused.failure()] == ["--config"]


PUSHES = (JobType.POSTSUBMIT, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH, JobType.PERIODIC)
SIDES = {
    **dict.fromkeys(UNMERGED, "unmerged"),
    **dict.fromkeys(PUSHES, "production"),
    JobType.LOCAL: "local",
}


@pytest.mark.parametrize(
    ("job_type", "ref", "side"),
    [
        *((job_type, "refs/heads/main", side) for job_type, side in SIDES.items()),
        *((job_type, "refs/heads/fix", "unmerged") for job_type in PUSHES),
    ],
)
def test_each_class_signs_what_its_side_may_have_written(job_type: JobType, ref: str, side: str) -> None:
    job_types = () if side != "unmerged" else (job_type if job_type in UNMERGED else JobType.MERGE_GROUP,)
    known = replace(configuration(job_types), trust=MAIN)
    here = replace(state(job_type), ref=ref)
    signed = {
        image: isinstance(signing((image,), known, Success(here)), Success)
        for image in (PRODUCTION, DEVELOPMENT, ELSEWHERE)
    }
    assert signed == {
        PRODUCTION: side != "unmerged",
        DEVELOPMENT: side != "production",
        ELSEWHERE: side != "unmerged",
    }


@pytest.mark.parametrize("job_type", [*PUSHES, JobType.LOCAL])
@pytest.mark.parametrize(
    ("image", "is_signed"),
    [
        ("r.example/prod/app:v1", True),
        ("r.example/prod/app:PR-7", False),
        ("r.example/prod/app:PR-7-1.23", False),
        ("R.example:443/prod/app:PR-7", False),
        ("other.example/app:PR-7", True),
    ],
)
def test_where_pull_requests_write_beside_production_their_tags_are_not_signed(
    job_type: JobType, image: str, is_signed: bool
) -> None:
    known = replace(configuration((), dev=False), pr_tags_in_registry=True, trust=MAIN)
    here = replace(state(job_type), ref="refs/heads/main")
    found = signing((image,), known, Success(here))
    assert isinstance(found, Success) == is_signed
    if isinstance(found, Failure):
        assert "lets pull requests write tags like" in str(found.failure()[0])


def test_each_reference_is_signed_once_in_the_order_given() -> None:
    plan = signing((PRODUCTION, ELSEWHERE, PRODUCTION), configuration(()), Success(state(JobType.POSTSUBMIT))).unwrap()
    assert [str(found) for found in plan.references] == [PRODUCTION, ELSEWHERE]


def test_all_problems_of_signing_are_reported_together() -> None:
    wrong = (Problem("CI", "unknown"),)
    problems = signing(("a b", "app"), configuration(()), Failure(wrong)).failure()
    assert [problem.where for problem in problems] == ["CI", "--images-to-sign", "--images-to-sign"]


@pytest.mark.parametrize("job_type", [JobType.PRESUBMIT, JobType.POSTSUBMIT])
def test_a_configuration_in_the_checkout_signs_nothing(job_type: JobType) -> None:
    image = DEVELOPMENT if job_type is JobType.PRESUBMIT else PRODUCTION
    here = replace(state(job_type), system=CiSystem.AZURE_PIPELINES, base_ref="main", ref="refs/heads/main")
    known = replace(configuration((job_type,)), trust=MAIN)
    assert isinstance(signing((image,), known, Success(here)), Success)
    (problem,) = signing((image,), known, Success(here), Origin.ALONE).failure()
    assert problem.where == "--config"
