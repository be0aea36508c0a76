"""Carrying out a plan: who is built beside whom, what stops whom, and what is signed."""

import threading
from collections.abc import Callable, Iterable

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
    EngineMissing,
    PushFailed,
)
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import BadCredentials, NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.report.outcome import Outcome, report
from image_builder_domain.signing import SignatureStatus
from returns.result import Failure, Result, Success

from tests.given import plan_of
from tests.jobs import as_claimed
from tests.unit.listener import Heard
from tests.unit.signer import Signer

Build = Callable[[BuildRequest, Cancellation], Result[BuiltImage, BuildFailure]]


def digest(variant: str) -> Digest:
    return Digest(f"sha256:{variant * 64}")


def good(request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
    return Success(BuiltImage(Descriptor(OCI_MANIFEST, digest(request.variant or "f"), 7)))


def bad(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
    return Failure(BuildFailed("it would not"))


def endless(_request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
    assert cancellation.wait(60)
    return Failure(BuildInterrupted(cancellation.reason() or Interruption.SIGINT))


class Engine:
    """Builds each variant with the function of that name."""

    def __init__(self, **builds: Build) -> None:
        self._builds = builds
        self.is_closed = False
        self.built: list[str | None] = []

    def check(self) -> Result[None, EngineMissing]:
        return Success(None)

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        return ("build", request.name)

    def at_once(self) -> None: ...

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        assert not self.is_closed
        self.built.append(request.variant)
        output(f"building {request.variant}\n".encode())
        return self._builds[request.variant or "f"](request, cancellation)

    def close(self) -> None:
        self.is_closed = True


class Registry:
    """Holds what its variant's build gives, but not what ``lacks`` names."""

    def __init__(self, *lacks: str) -> None:
        self._lacks = lacks

    def check(self, _repositories: Iterable[Repository]) -> Result[None, BadCredentials]:
        return Success(None)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        assert cancellation.reason() is None, "what is pushed is verified, also after another build fails"
        variant = (reference.tag or "")[-1]
        if variant in self._lacks:
            return Failure(NotFound(str(reference)))
        config = Descriptor("application/vnd.oci.image.config.v1+json", digest(variant), 3)
        return Success(Manifest(Descriptor(OCI_MANIFEST, digest(variant), 7), config, ()))


def plan(*variants: str, max_parallel: int = 8, keep_going: bool = True) -> Plan:
    builds = tuple(
        BuildRequest(
            "app",
            variant,
            "/src",
            "Dockerfile",
            tuple(ImageReference.parse(f"{host}.example/app:v1-{variant}").unwrap() for host in ("one", "two")),
        )
        for variant in variants
    )
    state = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo")
    return plan_of(as_claimed(state), *builds, max_parallel=max_parallel, keep_going=keep_going)


@pytest.fixture
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> FileArtifacts:
    return FileArtifacts(str(tmp_path_factory.mktemp("logs")), Redactor())


def variants_of(outcome: Outcome, failure: type) -> list[str | None]:
    return [image.request.variant for image in outcome.images if isinstance(image.failure, failure)]


def test_all_complete_images_go_to_each_signer_in_one_request(artifacts: FileArtifacts) -> None:
    engine, signers = Engine(a=good, b=bad, c=good, d=good), {"one": Signer(), "two": Signer()}
    ports = Ports(engine, Registry("d"), signers, artifacts)
    outcome = carry_out(plan("a", "b", "c", "d"), ports, Heard(), ScopedCancellation())
    for signer in signers.values():
        assert [(str(image.reference), str(image.descriptor.digest)) for image in signer.images] == [
            (f"{host}.example/app:v1-{variant}", str(digest(variant))) for variant in "ac" for host in ("one", "two")
        ]
        assert all(image.config is not None for image in signer.images)
    assert [len(image.signatures) for image in outcome.images] == [4, 0, 4, 0]
    assert outcome.exit_code() is ExitCode.BUILD_FAILED
    assert engine.is_closed


def test_a_tag_that_moved_between_push_and_signing_is_not_signed(artifacts: FileArtifacts) -> None:
    def another(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        return Success(BuiltImage(Descriptor(OCI_MANIFEST, digest("0"), 7)))

    signer, listener = Signer(), Heard()
    ports = Ports(Engine(a=another, b=good), Registry(), {"s": signer}, artifacts)
    outcome = carry_out(plan("a", "b"), ports, listener, ScopedCancellation())
    assert {image.descriptor.digest for image in signer.images} == {digest("b")}
    assert outcome.exit_code() == ExitCode.PUSH_FAILED
    assert all(f"holds {digest('a')}, but {digest('0')} was built" in line for line in listener.errors)
    assert len(listener.errors) == 2


def test_a_destination_without_the_image_is_named_once(artifacts: FileArtifacts) -> None:
    listener = Heard()
    outcome = carry_out(plan("a"), Ports(Engine(a=good), Registry("a"), {}, artifacts), listener, ScopedCancellation())
    places = [str(found.reference) for image in outcome.images for found in image.destinations]
    assert [line.count(place) for place, line in zip(places, listener.errors, strict=True)] == [1] * len(places)


@pytest.mark.parametrize(
    "failure", [BuildFailed("it says so", digest=digest("a")), PushFailed("so", (), 1, digest("a"))]
)
def test_an_engine_s_word_on_a_failure_is_checked_where_it_told_a_digest(
    artifacts: FileArtifacts, failure: BuildFailure
) -> None:
    """A step may have written that word: the registry knows better."""
    ports = Ports(Engine(a=lambda *_: Failure(failure)), Registry(), {}, artifacts)
    (image,) = carry_out(plan("a"), ports, Heard(), ScopedCancellation()).images
    assert [place.holds for place in image.destinations] == [True, True]


def test_nobody_claims_that_nothing_is_published_where_no_registry_was_asked(artifacts: FileArtifacts) -> None:
    ports = Ports(Engine(a=bad), Registry("a"), {}, artifacts)
    found = report(plan("a"), carry_out(plan("a"), ports, Heard(), ScopedCancellation()))
    assert [(place.holds_digest, place.reason) for place in found.images[0].destinations] == [
        (False, "not asked: the engine reported no digest")
    ] * 2


def test_nobody_is_asked_to_sign_nothing(artifacts: FileArtifacts) -> None:
    signer = Signer(SignatureStatus.FAILED)
    outcome = carry_out(
        plan("a"), Ports(Engine(a=bad), Registry(), {"s": signer}, artifacts), Heard(), ScopedCancellation()
    )
    assert signer.images == ()
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_failed_signature_is_reported_and_belongs_to_its_image(artifacts: FileArtifacts) -> None:
    ports = Ports(Engine(a=good, b=good), Registry(), {"s": Signer(SignatureStatus.FAILED)}, artifacts)
    listener = Heard()
    outcome = carry_out(plan("a", "b"), ports, listener, ScopedCancellation())
    assert outcome.exit_code() is ExitCode.SIGNING_FAILED
    assert len(listener.errors) == 4
    for image in outcome.images:
        assert {found.reference for found in image.signatures} == set(image.request.destinations)


def test_without_keep_going_running_builds_are_stopped_and_waiting_ones_never_start(artifacts: FileArtifacts) -> None:
    engine = Engine(a=endless, b=bad, c=good)
    ports = Ports(engine, Registry(), {}, artifacts)
    outcome = carry_out(plan("a", "b", "c", max_parallel=2, keep_going=False), ports, Heard(), ScopedCancellation())
    assert variants_of(outcome, BuildFailed) == ["b"]
    assert variants_of(outcome, BuildInterrupted) == ["a", "c"]
    assert "c" not in engine.built
    assert outcome.interruption is None
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_what_was_complete_before_another_failed_is_signed(artifacts: FileArtifacts) -> None:
    signer = Signer()
    engine = Engine(a=good, b=bad, c=good)
    outcome = carry_out(
        plan("a", "b", "c", max_parallel=1, keep_going=False),
        Ports(engine, Registry(), {"s": signer}, artifacts),
        Heard(),
        ScopedCancellation(),
    )
    assert engine.built == ["a", "b"]
    assert {image.reference.tag for image in signer.images} == {"v1-a"}
    assert [image.failure is None for image in report(plan("a", "b", "c"), outcome).images] == [True, False, False]


def test_failed_push_also_stops_the_others_without_keep_going(artifacts: FileArtifacts) -> None:
    def push(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        return Failure(PushFailed("no room"))

    ports = Ports(Engine(a=push, b=good), Registry(), {}, artifacts)
    outcome = carry_out(plan("a", "b", max_parallel=1, keep_going=False), ports, Heard(), ScopedCancellation())
    assert variants_of(outcome, BuildInterrupted) == ["b"]
    assert outcome.exit_code() is ExitCode.BUILD_FAILED


def test_interruption_stops_all_and_nothing_is_signed(artifacts: FileArtifacts) -> None:
    run, signer = ScopedCancellation(), Signer()

    def interrupting(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        built = good(request, cancellation)
        run.stop(Interruption.SIGTERM)
        return built

    class Silent(Registry):
        def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
            return Failure(NotFound(str(reference)))

    engine = Engine(a=endless, b=endless, c=interrupting, d=good)
    outcome = carry_out(
        plan("a", "b", "c", "d", max_parallel=3),
        Ports(engine, Silent(), {"s": signer}, artifacts),
        Heard(),
        run,
    )
    assert variants_of(outcome, BuildInterrupted) == ["a", "b", "d"]
    assert outcome.interruption is Interruption.SIGTERM
    assert outcome.exit_code() is ExitCode.SIGTERM
    assert signer.images == ()


def test_builds_run_side_by_side_up_to_the_limit(artifacts: FileArtifacts) -> None:
    meeting = threading.Barrier(3)

    def meets(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        meeting.wait(60)
        return good(request, cancellation)

    ports = Ports(Engine(a=meets, b=meets, c=meets), Registry(), {}, artifacts)
    outcome = carry_out(plan("a", "b", "c", max_parallel=3), ports, Heard(), ScopedCancellation())
    assert all(image.is_published for image in outcome.images)


def test_outcomes_keep_the_order_of_the_plan(artifacts: FileArtifacts) -> None:
    later = threading.Event()

    def last(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        assert later.wait(60)
        return good(request, cancellation)

    def first(request: BuildRequest, cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        later.set()
        return good(request, cancellation)

    ports = Ports(Engine(a=last, b=first), Registry(), {}, artifacts)
    outcome = carry_out(plan("a", "b"), ports, Heard(), ScopedCancellation())
    assert [image.request.variant for image in outcome.images] == ["a", "b"]


def test_a_bug_in_one_build_stops_the_others_and_closes_the_engine(artifacts: FileArtifacts) -> None:
    def buggy(_request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        raise ZeroDivisionError

    engine, listener = Engine(a=endless, b=buggy), Heard()
    with pytest.raises(ZeroDivisionError):
        carry_out(plan("a", "b"), Ports(engine, Registry(), {}, artifacts), listener, ScopedCancellation())
    assert engine.is_closed
    assert sorted(map(str, listener.closed)) == ["a", "b"]
