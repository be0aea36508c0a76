"""What may be signed after the fact: never production's images by unmerged code, nor the other way round (T6)."""

from dataclasses import replace

import pytest
from image_builder_adapters.notary.signer_type import NotarySettings
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.signing import SignPlan, decide_signing
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.trust.configuration_origin import Origin
from returns.result import Failure, Result, Success

from tests.given import TIME
from tests.jobs import MAIN


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


def test_every_problem_is_told_at_once() -> None:
    wrong = (Problem("CI", "unknown"),)
    problems = signing(("a b", "app"), configuration(()), Failure(wrong)).failure()
    assert [problem.where for problem in problems] == ["CI", "--images-to-sign", "--images-to-sign"]


@pytest.mark.parametrize("job_type", [JobType.PRESUBMIT, JobType.POSTSUBMIT])
def test_nothing_is_signed_as_a_configuration_in_the_checkout_says(job_type: JobType) -> None:
    image = DEVELOPMENT if job_type is JobType.PRESUBMIT else PRODUCTION
    here = replace(state(job_type), system=CiSystem.AZURE_PIPELINES, base_ref="main", ref="refs/heads/main")
    known = replace(configuration((job_type,)), trust=MAIN)
    assert isinstance(signing((image,), known, Success(here)), Success)
    (problem,) = signing((image,), known, Success(here), Origin.ALONE).failure()
    assert problem.where == "--config"
