"""Carrying out a plan: who is built beside whom, what stops whom, and what is signed."""

import threading
from collections.abc import Callable

import pytest
from image_builder.workflows.build import Ports, carry_out
from image_builder_adapters.artifacts import FileArtifacts
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.redaction import Redactor
from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    PlannedBuild,
    PushFailed,
)
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import NotFound
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.report.build_outcome import Outcome, report
from image_builder_domain.signing import SignatureStatus
from image_builder_stand_ins.registry_in_memory import MemoryRegistry
from returns.result import Failure, Result

from tests.given import plan_of
from tests.jobs import as_claimed
from tests.unit.engine import Build, Engine, described, push
from tests.unit.listener import Heard
from tests.unit.signer import Signer as Pen

Make = Callable[..., "World"]


def bad(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
    return Failure(BuildFailed("it would not"))


def endless(_request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
    assert cancellation.wait(60)
    return Failure(BuildInterrupted(cancellation.reason() or Interruption.SIGINT))


class World:
    """An engine whose builds push to registries in memory, unless a variant has another function."""

    def __init__(self, artifacts: FileArtifacts, signers: dict[str, Signer], builds: dict[str, Build]) -> None:
        self.registry, self.listener = MemoryRegistry(), Heard()
        self.engine = Engine(self.registry, builds)
        self.ports = Ports(self.engine, self.registry, self.registry, signers, artifacts)

    def carry_out(self, plan: Plan, run: ScopedCancellation | None = None) -> Outcome:
        return carry_out(plan, self.ports, self.listener, run or ScopedCancellation())


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Make:
    artifacts = FileArtifacts(str(tmp_path_factory.mktemp("logs")), Redactor())
    return lambda signers=None, **builds: World(artifacts, signers or {}, builds)


def plan(*variants: str, max_parallel: int = 8, keep_going: bool = True) -> Plan:
    builds = tuple(map(planned, variants))
    state = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo")
    return plan_of(as_claimed(state), *builds, max_parallel=max_parallel, keep_going=keep_going)


def planned(variant: str) -> PlannedBuild:
    places = tuple(ImageReference.parse(f"{host}.example/app:v1-{variant}").unwrap() for host in ("one", "two"))
    repositories = tuple(place.repository for place in places)
    return PlannedBuild(BuildRequest("app", variant, "/src", "Dockerfile", repositories), places)


def variants_of(outcome: Outcome, failure: type) -> list[str | None]:
    return [image.request.variant for image in outcome.images if isinstance(image.failure, failure)]


def test_all_complete_images_go_to_each_signer_in_one_request(world: Make) -> None:
    pens = {"one": Pen(), "two": Pen()}
    made = world(pens, b=bad)
    made.registry.fail_next(
        f"fetch two.example/app@{described('d').digest}", NotFound(f"two.example/app@{described('d').digest}")
    )
    outcome = made.carry_out(plan("a", "b", "c", "d"))
    for pen in pens.values():
        assert [(str(image.reference), image.descriptor) for image in pen.images] == [
            (f"{host}.example/app:v1-{variant}", described(variant)) for variant in "ac" for host in ("one", "two")
        ]
        assert all(image.config is not None for image in pen.images)
    assert [len(image.signatures) for image in outcome.images] == [4, 0, 4, 0]
    assert outcome.exit_code() is ExitCode.BUILD_FAILED
    assert made.engine.is_closed


@pytest.mark.parametrize(
    "failure", [BuildFailed("it says so", digest=described("a").digest), PushFailed("so", (), 1, described("a").digest)]
)
def test_an_engine_s_word_on_a_failure_is_checked_where_it_told_a_digest(world: Make, failure: BuildFailure) -> None:
    """A step may have written that word: the registry knows better."""

    def fails(request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        push(made.registry, request.repositories[0], "a")
        return Failure(failure)

    made = world(a=fails)
    outcome = made.carry_out(plan("a"))
    (image,) = outcome.images
    assert [place.holds for place in image.repositories] == [True, False]
    (found,) = report(plan("a"), outcome).images
    digest = str(described("a").digest)
    assert (found.reference, found.digest, found.size) == (f"one.example/app@{digest}", digest, None)


def test_nobody_claims_that_nothing_is_published_where_no_registry_was_asked(world: Make) -> None:
    found = report(plan("a"), world(a=bad).carry_out(plan("a")))
    assert [(place.holds_digest, place.reason) for place in found.images[0].repositories] == [
        (False, "not asked: the engine reported no digest")
    ] * 2


def test_nobody_is_asked_to_sign_nothing(world: Make) -> None:
    pen = Pen(SignatureStatus.FAILED)
    outcome = world({"s": pen}, a=bad).carry_out(plan("a"))
    assert pen.images == ()
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_failed_signature_is_reported_and_belongs_to_its_image(world: Make) -> None:
    made = world({"s": Pen(SignatureStatus.FAILED)})
    outcome = made.carry_out(plan("a", "b"))
    assert outcome.exit_code() is ExitCode.SIGNING_FAILED
    assert len(made.listener.errors) == 4
    for image in outcome.images:
        assert {found.reference for found in image.signatures} == set(image.build.destinations)


def test_without_keep_going_running_builds_are_stopped_and_waiting_ones_never_start(world: Make) -> None:
    made = world(a=endless, b=bad)
    outcome = made.carry_out(plan("a", "b", "c", max_parallel=2, keep_going=False))
    assert variants_of(outcome, BuildFailed) == ["b"]
    assert variants_of(outcome, BuildInterrupted) == ["a", "c"]
    assert "c" not in made.engine.built
    assert outcome.interruption is None
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_failed_push_also_stops_the_others_without_keep_going(world: Make) -> None:
    made = world(a=lambda *_: Failure(PushFailed("no room")))
    outcome = made.carry_out(plan("a", "b", max_parallel=1, keep_going=False))
    assert variants_of(outcome, BuildInterrupted) == ["b"]
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_interruption_stops_all_and_nothing_is_signed(world: Make) -> None:
    run, pen = ScopedCancellation(), Pen()

    def interrupting(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        built = made.engine.push(request, cancellation)
        run.stop(Interruption.SIGTERM)
        return built

    made = world({"s": pen}, a=endless, b=endless, c=interrupting)
    outcome = made.carry_out(plan("a", "b", "c", "d", max_parallel=3), run)
    assert variants_of(outcome, BuildInterrupted) == ["a", "b", "d"]
    assert outcome.interruption is Interruption.SIGTERM
    assert outcome.exit_code() is ExitCode.SIGTERM
    assert pen.images == ()


def test_builds_run_side_by_side_up_to_the_limit(world: Make) -> None:
    meeting = threading.Barrier(3)

    def meets(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        meeting.wait(60)
        return made.engine.push(request, cancellation)

    made = world(a=meets, b=meets, c=meets)
    outcome = made.carry_out(plan("a", "b", "c", max_parallel=3))
    assert all(image.is_published for image in outcome.images)


def test_outcomes_keep_the_order_of_the_plan(world: Make) -> None:
    later = threading.Event()

    def last(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        assert later.wait(60)
        return made.engine.push(request, cancellation)

    def first(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        later.set()
        return made.engine.push(request, cancellation)

    made = world(a=last, b=first)
    assert [image.request.variant for image in made.carry_out(plan("a", "b")).images] == ["a", "b"]


def test_a_bug_in_one_build_stops_the_others_and_closes_the_engine(world: Make) -> None:
    def buggy(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        raise ZeroDivisionError

    made = world(a=endless, b=buggy)
    with pytest.raises(ZeroDivisionError):
        made.carry_out(plan("a", "b"))
    assert made.engine.is_closed
    assert sorted(map(str, made.listener.closed)) == ["a", "b"]
