"""Publishing: no tag before its image is in every repository and signed, and the fate of each tag."""

from dataclasses import replace

import pytest
from image_builder.workflows.build import Ports
from image_builder.workflows.publish import publish
from image_builder.workflows.publish_report import foreign_images, publish_report
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_domain.build import BuildRequest, PlannedBuild
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_INDEX, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.ports import Cancellation, Verifier
from image_builder_domain.problem import Problems
from image_builder_domain.publish.fate import Fate
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.publish.tag_rule import TagRules
from image_builder_domain.report.build_outcome import ImageOutcome, Outcome, report
from image_builder_domain.signing import SignatureStatus, SignerMisconfigured
from image_builder_stand_ins.registry_in_memory import MemoryRegistry
from image_builder_stand_ins.registry_store import digest_of, index_of
from returns.result import Failure, Result, Success

from tests.given import plan_of
from tests.jobs import as_claimed
from tests.unit.engine import described, push
from tests.unit.listener import Heard
from tests.unit.signer import Signer

JOB = as_claimed(GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo"))
ONE, TWO = (Repository.parse(f"{host}.example/app").unwrap() for host in ("one", "two"))
DENIED = PushDenied("x", "one.example", "status 403", "config.json")
LOST = RegistryUnreachable("x", "connection reset")


class World:
    """Images in two repositories, and what publishing them comes to."""

    def __init__(
        self,
        *variants: str,
        keep_going: bool = True,
        signer: Signer | None = None,
        order: TagOrder = TagOrder.AFTER_SIGNING,
    ) -> None:
        self.order, self.verifiers, self.built = order, dict[str, Verifier](), dict[str, Descriptor]()
        self.registry, self.listener, self.run = MemoryRegistry(), Heard(), ScopedCancellation()
        self.signers = {} if signer is None else {"s": signer}
        self.builds = [_planned(variant) for variant in variants or ("a",)]
        self.keep_going = keep_going
        for build in self.builds:
            for place in build.request.repositories:
                push(self.registry, place, str(build.request.variant))

    def publish(self) -> Outcome:
        plan = plan_of(JOB, *self.builds, keep_going=self.keep_going, tag_order=self.order)
        names = [str(build.request.variant) for build in self.builds]
        built = tuple(
            ImageOutcome(build, self.built.get(name) or described(name))
            for build, name in zip(self.builds, names, strict=True)
        )
        ports = Ports(None, self.registry, self.registry, self.signers, None, self.verifiers)  # type: ignore[arg-type]  # not used here
        return Outcome(publish(built, plan, ports, self.listener, self.run))

    def publish_report(self, ours: Identity) -> tuple[Problems, Outcome]:
        """What the mode ``publish`` refuses beforehand, and does if it goes on."""
        plan = plan_of(JOB, *self.builds, tag_rules=TagRules(ours))
        built = tuple(ImageOutcome(build, described(str(build.request.variant))) for build in self.builds)
        ports = Ports(None, self.registry, self.registry, self.signers, None, self.verifiers)  # type: ignore[arg-type]  # not used here
        refused = foreign_images(built, plan, self.registry, self.run)
        return refused, publish_report(built, plan, ports, self.listener, self.run)

    def tags(self, place: Repository) -> dict[str, str]:
        """What each tag of a repository names."""
        store = self.registry.store(place)
        held = ((tag, store.manifest(place.path, tag)) for tag in store.tags(place.path))
        return {tag: manifest.digest for tag, manifest in held if manifest is not None}


def _planned(variant: str) -> PlannedBuild:
    places = tuple(
        ImageReference.parse(f"{place}:{tag}-{variant}").unwrap() for tag in ("v1", "v2") for place in (ONE, TWO)
    )
    return PlannedBuild(BuildRequest("app", variant, "/src", "Dockerfile", (ONE, TWO)), places)


def fates(outcome: Outcome) -> list[str]:
    return [f"{tag.reference}: {tag}" for image in outcome.images for tag in image.tags]


def test_every_tag_of_every_repository_is_created() -> None:
    world = World("a", "b")
    outcome = world.publish()
    expected = {f"{tag}-{variant}": str(described(variant).digest) for variant in "ab" for tag in ("v1", "v2")}
    assert world.tags(ONE) == world.tags(TWO) == expected
    assert [str(tag.fate.value) for image in outcome.images for tag in image.tags] == ["created"] * 8
    assert outcome.exit_code() is ExitCode.DONE


def test_no_tag_is_written_before_everything_is_checked_and_signed() -> None:
    world = World("a", "b", signer=(pen := Signer()))
    pen.before_signing = lambda: calls.extend(world.registry.calls)
    calls = list[str]()
    world.publish()
    assert [call for call in calls if call.startswith("put")] == []
    assert len([call for call in calls if call.startswith("fetch")]) == 4
    assert len(pen.images) == 8


def test_a_second_run_finds_every_tag_unchanged_and_writes_nothing() -> None:
    world = World()
    world.publish()
    world.registry.calls.clear()
    outcome = world.publish()
    assert {tag.fate for image in outcome.images for tag in image.tags} == {Fate.UNCHANGED}
    assert [call for call in world.registry.calls if call.startswith("put")] == []


def test_a_tag_of_another_image_is_moved_and_the_report_says_from_which() -> None:
    world = World()
    push(world.registry, ONE, "old")
    reference = ImageReference.parse(f"{ONE}:v1-a").unwrap()
    held = world.registry.fetch(reference.pinned(described("old").digest), world.run).unwrap()
    world.registry.put(reference, held.content, held.descriptor.media_type, world.run).unwrap()
    assert f"{reference}: moved from {described('old').digest}" in fates(world.publish())


@pytest.mark.parametrize("keep_going", [True, False])
def test_an_image_that_is_missing_in_one_repository_gets_no_tag_anywhere(keep_going: bool) -> None:
    world = World("a", "b", keep_going=keep_going)
    world.registry.fail_next(f"fetch {TWO}@{described('a').digest}", LOST)
    outcome = world.publish()
    assert [place.holds for place in outcome.images[0].repositories] == [True, False]
    assert {str(tag) for tag in outcome.images[0].tags} == {"withheld: not in every repository"}
    others = {str(tag) for tag in outcome.images[1].tags}
    assert others == ({"created"} if keep_going else {"withheld: another image failed"})
    assert set(world.tags(ONE)) == set(world.tags(TWO)) == ({"v1-b", "v2-b"} if keep_going else set())
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_nothing_is_tagged_that_is_not_signed() -> None:
    world = World(signer=Signer(SignatureStatus.FAILED))
    outcome = world.publish()
    assert {str(tag) for image in outcome.images for tag in image.tags} == {"withheld: not signed"}
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert outcome.exit_code() is ExitCode.SIGNING_FAILED


def test_after_a_failed_tag_no_further_one_is_begun_and_written_ones_stay() -> None:
    world = World("a", "b")
    world.registry.fail_next(f"put {ONE}:v2-a", DENIED)
    outcome = world.publish()
    one = [tag for image in outcome.images for tag in image.tags if tag.reference.repository == ONE]
    assert [str(tag).partition(":")[0] for tag in one] == ["created", "failed", "withheld", "withheld"]
    assert str(one[2]) == "withheld: another tag failed"
    assert set(world.tags(ONE)) == {"v1-a"}
    assert outcome.exit_code() is ExitCode.PUSH_FAILED
    assert not report(plan_of(JOB, *world.builds), outcome).pushed
    assert any("v2-a: failed: the registry refuses" in line for line in world.listener.errors)


def test_a_tag_whose_answer_was_lost_is_unconfirmed() -> None:
    world = World()
    world.registry.fail_next(f"put {TWO}:v1-a", LOST)
    outcome = world.publish()
    assert any(line.startswith(f"{TWO}:v1-a: unconfirmed: no usable answer") for line in fates(outcome))
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_an_image_with_a_tag_that_cannot_be_asked_for_gets_none() -> None:
    world = World()
    world.registry.fail_next(f"find {TWO}:v1-a", LOST)
    outcome = world.publish()
    found = [str(tag).partition(":")[0] for image in outcome.images for tag in image.tags]
    assert sorted(found) == ["failed", "withheld", "withheld", "withheld"]
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_a_tag_that_another_run_wrote_meanwhile_has_failed() -> None:
    world = World()
    other = push(world.registry, TWO, "other")
    reference = ImageReference.parse(f"{TWO}:v2-a").unwrap()
    held = world.registry.fetch(reference.pinned(other.digest), world.run).unwrap()
    put = world.registry.put

    def overwritten(place: ImageReference, content: bytes, media_type: str, _run: object) -> object:
        answer = put(place, content, media_type, world.run)
        if place == reference:
            put(reference, held.content, media_type, world.run)
        return answer

    world.registry.put = overwritten  # type: ignore[method-assign,assignment]  # another run
    outcome = world.publish()
    assert any(line.startswith(f"{reference}: failed: another run wrote {other.digest}") for line in fates(outcome))
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_a_run_that_is_stopped_before_the_first_tag_writes_none() -> None:
    world = World(signer=(pen := Signer()))
    pen.before_signing = lambda: world.run.stop(Interruption.SIGTERM)
    outcome = world.publish()
    assert {str(tag) for image in outcome.images for tag in image.tags} == {"withheld: the run was stopped"}
    assert world.tags(ONE) == world.tags(TWO) == {}


def test_a_run_that_is_stopped_between_two_tags_reports_what_it_wrote() -> None:
    world = World()
    put = world.registry.put

    def stops(place: ImageReference, content: bytes, media_type: str, _run: object) -> object:
        answer = put(place, content, media_type, world.run)
        if place.repository == ONE:
            world.run.stop(Interruption.SIGTERM)
        return answer

    world.registry.put = stops  # type: ignore[method-assign,assignment]  # a signal
    world.builds = [replace(build, destinations=build.destinations[::2]) for build in world.builds]
    outcome = world.publish()
    assert set(world.tags(ONE)) == {"v1-a"}
    assert [line.partition(f"{ONE}:")[2].partition(" it ")[0] for line in fates(outcome)] == [
        "v1-a: unconfirmed:",
        "v2-a: withheld: the run was stopped",
    ]


# --- checked again ----------------------------------------------------------------------------------------------------


class Loses:
    """Implements ``Verifier``: the first looks at a digest find no signature."""

    def __init__(self, times: int) -> None:
        self.times, self.looks = times, dict[str, int]()

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return Success(None)

    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        self.looks[str(image)] = self.looks.get(str(image), 0) + 1
        return Failure("no signatures found") if self.looks[str(image)] <= self.times else Success(None)


@pytest.mark.parametrize(("times", "is_signed"), [(0, True), (1, True), (3, True), (4, False)])
def test_a_signature_that_is_lost_is_made_again_three_times_at_most(times: int, is_signed: bool) -> None:
    world = World(signer=(pen := Signer()))
    world.verifiers["s"] = Loses(times)
    outcome = world.publish()
    assert pen.requests == 1 + min(times, 3)
    assert outcome.exit_code() is (ExitCode.DONE if is_signed else ExitCode.SIGNING_FAILED)
    expected = {"created"} if is_signed else {"withheld: not signed"}
    assert {str(tag) for image in outcome.images for tag in image.tags} == expected
    assert outcome.images[0].is_signed is is_signed


def test_only_the_lost_signature_is_made_again() -> None:
    class LosesOne(Loses):
        def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
            is_lost = str(image) == f"{TWO}@{lost}"
            return super().verify(image, cancellation) if is_lost else Success(None)

    world = World("a", "b", signer=(pen := Signer()))
    lost = described("b").digest
    world.verifiers["s"] = LosesOne(1)
    assert world.publish().exit_code() is ExitCode.DONE
    assert {(image.reference.repository, image.descriptor.digest) for image in pen.images} == {(TWO, lost)}


def test_a_manifest_that_the_registry_collected_is_pushed_again() -> None:
    world = World(signer=(pen := Signer()))
    digest = described("a").digest

    def collects() -> None:
        world.registry.store(TWO).remove_manifest(TWO.path, str(digest))

    pen.before_signing = collects
    outcome = world.publish()
    assert f"put {TWO}@{digest}" in world.registry.calls
    assert set(world.tags(TWO)) == {"v1-a", "v2-a"}
    assert outcome.exit_code() is ExitCode.DONE


def test_a_manifest_that_cannot_be_pushed_again_leaves_all_tags_unwritten() -> None:
    world = World(signer=(pen := Signer()))
    digest = described("a").digest
    pen.before_signing = lambda: world.registry.store(TWO).remove_manifest(TWO.path, str(digest))
    for _ in range(3):
        world.registry.fail_next(f"put {TWO}@{digest}", DENIED)
    outcome = world.publish()
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert [place.holds for place in outcome.images[0].repositories] == [True, False]
    assert {str(tag) for tag in outcome.images[0].tags} == {"withheld: not in every repository"}
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_of_an_index_every_listed_manifest_is_checked_and_pushed_again() -> None:
    world = World(signer=(pen := Signer()))
    child = described("a")
    entry = {"mediaType": child.media_type, "digest": str(child.digest), "size": child.size}
    content = index_of([entry])
    for place in (ONE, TWO):
        world.registry.push(place, OCI_INDEX, content)
    index = Descriptor(OCI_INDEX, Digest(digest_of(content)), len(content))
    world.built = {"a": index}

    def collects() -> None:
        for lost in (child, index):
            world.registry.store(TWO).remove_manifest(TWO.path, str(lost.digest))

    pen.before_signing = collects
    assert world.publish().exit_code() is ExitCode.DONE
    pushed = [call for call in world.registry.calls if call.startswith(f"put {TWO}@")]
    assert pushed == [f"put {TWO}@{child.digest}", f"put {TWO}@{index.digest}"]
    assert set(world.tags(TWO).values()) == {str(index.digest)}


def test_an_index_without_one_of_its_manifests_gets_no_tag() -> None:
    world = World()
    child = described("a")
    content = index_of([{"mediaType": child.media_type, "digest": str(child.digest), "size": child.size}])
    for place in (ONE, TWO):
        world.registry.push(place, OCI_INDEX, content)
    world.built = {"a": Descriptor(OCI_INDEX, Digest(digest_of(content)), len(content))}
    world.registry.store(TWO).remove_manifest(TWO.path, str(child.digest))
    outcome = world.publish()
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert f"its index lists {child.digest}" in outcome.images[0].repositories[1].reason
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


# --- the order of tags and signatures ---------------------------------------------------------------------------------


def test_tags_that_are_written_before_signing_stay_visible_when_a_signer_fails() -> None:
    world = World(signer=(pen := Signer(SignatureStatus.FAILED)), order=TagOrder.BEFORE_SIGNING)
    pen.before_signing = lambda: names.update(world.tags(ONE))
    names = dict[str, str]()
    outcome = world.publish()
    assert set(names) == {"v1-a", "v2-a"}
    assert {tag.fate for tag in outcome.images[0].tags} == {Fate.CREATED}
    assert outcome.exit_code() is ExitCode.SIGNING_FAILED


def test_after_a_failed_tag_the_written_ones_are_signed_all_the_same() -> None:
    world = World(signer=(pen := Signer()), order=TagOrder.BEFORE_SIGNING)
    world.registry.fail_next(f"put {ONE}:v2-a", DENIED)
    outcome = world.publish()
    assert f"{ONE}:v1-a" in {str(image.reference) for image in pen.images}
    assert f"{ONE}:v2-a" not in {str(image.reference) for image in pen.images}
    assert outcome.exit_code() is ExitCode.PUSH_FAILED


def test_with_later_nothing_is_signed_or_tagged_and_the_run_is_done() -> None:
    world = World(order=TagOrder.LATER)
    outcome = world.publish()
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert {str(tag) for tag in outcome.images[0].tags} == {"withheld: later"}
    assert outcome.images[0].is_pushed
    assert outcome.exit_code() is ExitCode.DONE


def test_a_foreign_image_is_not_published_though_its_registry_answers_only_the_second_time() -> None:
    world = World("a", signer=(pen := Signer()))
    for place in (ONE, TWO):
        world.registry.fail_next(f"fetch {place}", LOST)
    refused, outcome = world.publish_report(Identity("https://github.com/acme/demo", "1" * 40))
    assert refused == ()
    assert pen.requests == 0
    assert world.tags(ONE) == world.tags(TWO) == {}
    assert {str(tag) for image in outcome.images for tag in image.tags} == {"withheld: not in every repository"}
    assert outcome.exit_code() is ExitCode.PUSH_FAILED
    assert "its annotations name" in "".join(world.listener.errors)
