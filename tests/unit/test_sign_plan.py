"""What may be signed after the fact: never production's images by unmerged code."""

import pytest
from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import CiSystem, GitState
from image_builder_domain.job_type import JobType
from image_builder_domain.problem import Problem
from image_builder_domain.registry_prefix import RegistryPrefix
from image_builder_domain.sign_plan import SigningInputs, decide_signing
from image_builder_domain.signer_settings import NotarySettings, SignerDefinition
from returns.result import Failure, Success

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
    inputs = SigningInputs((DEVELOPMENT, image), Success(configuration(tuple(JobType), dev)), Success(state(job_type)))
    assert any(image in problem.what for problem in decide_signing(inputs).failure())


@pytest.mark.parametrize("job_type", UNMERGED)
def test_unmerged_code_needs_a_signer_that_names_it(job_type: JobType) -> None:
    def decided(*job_types: JobType) -> object:
        return decide_signing(
            SigningInputs((DEVELOPMENT,), Success(configuration(job_types)), Success(state(job_type)))
        )

    assert isinstance(decided(), Failure)
    assert isinstance(decided(JobType.POSTSUBMIT), Failure)
    assert isinstance(decided(job_type), Success)


def test_each_reference_is_signed_once_in_the_order_given() -> None:
    inputs = SigningInputs(
        (PRODUCTION, ELSEWHERE, PRODUCTION), Success(configuration(())), Success(state(JobType.POSTSUBMIT))
    )
    assert [str(found) for found in decide_signing(inputs).unwrap().references] == [PRODUCTION, ELSEWHERE]


def test_every_problem_is_told_at_once() -> None:
    wrong = (Problem("CI", "unknown"),)
    problems = decide_signing(SigningInputs(("a b", "app"), Success(configuration(())), Failure(wrong))).failure()
    assert [problem.where for problem in problems] == ["CI", "--images-to-sign", "--images-to-sign"]
