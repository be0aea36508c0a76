"""The right to push is asked for before the engine starts."""

from dataclasses import replace

import pytest
from image_builder.workflows.build import Ports, carry_out
from image_builder.workflows.publish import refusals
from image_builder.workflows.rights import Rights, check_rights
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.redaction import Redactor
from image_builder_domain.build import BuildRequest, CacheReferences, PlannedBuild
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.failure import BadAnswer, BadCredentials, PushDenied, RegistryFailure, RegistryUnreachable
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan
from image_builder_stand_ins.registry_in_memory import MemoryRegistry

from tests.given import plan_of
from tests.jobs import as_claimed
from tests.unit.engine import Engine
from tests.unit.listener import Heard

PLACES = tuple(ImageReference.parse(f"{host}.example/app:v1").unwrap() for host in ("one", "two"))
CACHE = ImageReference.parse("cache.example/layers:app").unwrap()
ONE, TWO = (place.repository for place in PLACES)


@pytest.fixture
def plan() -> Plan:
    request = BuildRequest("app", None, "/src", "Dockerfile", (ONE, TWO), cache=CacheReferences((CACHE,), (CACHE,)))
    job = as_claimed(GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo"))
    return plan_of(job, PlannedBuild(request, PLACES))


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def ports(registry: MemoryRegistry, tmp_path_factory: pytest.TempPathFactory) -> Ports:
    artifacts = FileArtifacts(str(tmp_path_factory.mktemp("logs")), Redactor())
    return Ports(Engine(registry, {}), registry, registry, {}, artifacts)


def asked(plan: Plan, registry: MemoryRegistry) -> Rights:
    return check_rights(plan, registry, ScopedCancellation())


def test_every_repository_and_cache_is_asked_once(plan: Plan, registry: MemoryRegistry) -> None:
    twice = replace(plan, builds=(*plan.builds, *plan.builds))
    assert asked(twice, registry) == Rights({ONE: None, TWO: None}, {CACHE.repository: None})
    assert sorted(registry.calls) == [f"check_push {place}" for place in (CACHE.repository, ONE, TWO)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PushDenied(str(ONE), "one.example", "status 401", ""), "run 'docker login one.example'"),
        (PushDenied(str(ONE), "one.example", "status 403", "/root/.docker/config.json"), "/root/.docker/config.json"),
        (BadCredentials("/root/.docker/config.json", "it is not JSON"), "/root/.docker/config.json"),
    ],
)
def test_a_refusal_names_the_repository_and_the_credentials(
    answer: PushDenied | RegistryFailure, words: str, plan: Plan, registry: MemoryRegistry, ports: Ports
) -> None:
    registry.fail_next(f"check_push {ONE}", answer)
    (problem,) = refusals(plan, ports, asked(plan, registry), ScopedCancellation())
    assert problem.where == str(ONE)
    assert words in str(problem)


@pytest.mark.parametrize(
    "answer", [RegistryUnreachable(str(ONE), "connection refused"), BadAnswer(str(ONE), "status 500")]
)
def test_without_an_answer_nothing_is_built_and_the_push_has_failed(
    answer: RegistryFailure, plan: Plan, registry: MemoryRegistry, ports: Ports
) -> None:
    registry.fail_next(f"check_push {ONE}", answer)
    rights = asked(plan, registry)
    assert refusals(plan, ports, rights, ScopedCancellation()) == ()
    listener = Heard()
    outcome = carry_out(plan, ports, listener, ScopedCancellation(), rights)
    assert ports.engine.built == []  # type: ignore[attr-defined]  # the engine of this test
    assert listener.errors == [str(answer)]
    assert outcome.exit_code() is ExitCode.PUSH_FAILED
    assert [place.reason for place in outcome.images[0].repositories] == [
        answer.description,
        "not asked: nothing was built",
    ]
    assert {str(tag) for tag in outcome.images[0].tags} == {"withheld: nothing was built"}


def test_a_cache_that_may_not_be_written_is_a_warning_and_is_only_read(
    plan: Plan, registry: MemoryRegistry, ports: Ports
) -> None:
    registry.fail_next(f"check_push {CACHE.repository}", PushDenied("x", "cache.example", "status 403", "config.json"))
    rights = asked(plan, registry)
    assert refusals(plan, ports, rights, ScopedCancellation()) == ()
    assert [warning.partition(":")[0] for warning in rights.warnings] == [
        f"the layer cache {CACHE.repository} is not written"
    ]
    assert rights.limited(plan).builds[0].request.cache == CacheReferences((CACHE,), ())
    assert carry_out(plan, ports, Heard(), ScopedCancellation(), rights).exit_code() is ExitCode.DONE
