"""Deciding and writing tags: what the registry holds when it is asked, and what other runs do in between."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from image_builder.workflows.check import CheckedImage
from image_builder.workflows.tag_decision import TagDecider
from image_builder.workflows.tagging import decided, questions, write_tags
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.build import BuildRequest, PlannedBuild
from image_builder_domain.failure import PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.tag_rule import TagRule, TagRules
from image_builder_domain.report.build_outcome import ImageOutcome, RepositoryOutcome
from image_builder_stand_ins.registry_in_memory import MemoryRegistry

from tests.unit.domain.publish.manifests import NOW, commit, identity
from tests.unit.listener import Heard

FIRST, SECOND = Repository("first.example", "app"), Repository("second.example", "app")


def tag(repository: Repository, name: str) -> ImageReference:
    return ImageReference(repository, name, None, str(repository))


@dataclass
class World:
    """Two registries, and one image of commit 1 that both hold."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    rules: dict[str, TagRule] = field(default_factory=lambda: {"latest": TagRule.MOVING})
    descent: Descent = Descent.UNKNOWN
    asked: list[str] = field(default_factory=list)
    cancellation: ManualCancellation = field(default_factory=ManualCancellation)
    heard: Heard = field(default_factory=Heard)
    names: tuple[str, ...] = ("latest", "v1")
    ours: Identity = field(default_factory=lambda: identity(1))

    def push(self, repository: Repository, found: Identity | None, *names: str, more: str = "") -> Digest:
        """An image of this identity, and tags that name it."""
        annotations = dict(found.described("app")) if found is not None else {}
        body: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": annotations, "more": more}
        content = json.dumps(body).encode()
        digest = self.registry.push(repository, OCI_MANIFEST, content)
        for name in names:
            self.registry.put(tag(repository, name), content, OCI_MANIFEST, ManualCancellation()).unwrap()
        return digest

    def names_now(self, repository: Repository, name: str) -> Digest | None:
        return self.registry.find(tag(repository, name), ManualCancellation()).value_or(None)

    def decider(self) -> TagDecider:
        def descent(theirs: str) -> Descent:
            self.asked.append(theirs)
            return self.descent

        rules = {tag(place, name): rule for place in (FIRST, SECOND) for name, rule in self.rules.items()}
        return TagDecider(TagRules(self.ours, rules), self.registry, descent, self.cancellation, lambda: float(NOW))

    def image(self) -> CheckedImage:
        digest, _ = (self.push(place, self.ours) for place in (FIRST, SECOND))
        held = self.registry.fetch(tag(FIRST, "x").pinned(digest), ManualCancellation()).unwrap()
        request = BuildRequest("app", None, "/src", "Dockerfile", (FIRST, SECOND))
        build = PlannedBuild(request, tuple(tag(place, name) for name in self.names for place in (FIRST, SECOND)))
        places = tuple(map(RepositoryOutcome, (FIRST, SECOND)))
        return CheckedImage(ImageOutcome(build, held.descriptor, repositories=places), held)

    def decided(self) -> CheckedImage:
        image = self.image()
        return decided((image,), (ask() for ask in questions((image.outcome,), self.decider())))[0]

    def written(self, decided: CheckedImage) -> dict[str, Fate]:
        (image,) = write_tags((decided,), self.decider(), self.heard)
        return {str(found.reference): found.fate for found in image.outcome.tags}


@pytest.fixture
def world() -> World:
    return World()


def test_new_tags_are_created_and_the_moving_ones_last(world: World) -> None:
    decided = world.decided()
    world.registry.calls.clear()
    assert set(world.written(decided).values()) == {Fate.CREATED}
    puts = [call.rpartition(":")[2] for call in world.registry.calls if call.startswith("put")]
    assert puts == ["v1", "v1", "latest", "latest"]


def test_each_registry_decides_for_itself(world: World) -> None:
    newer = world.push(FIRST, identity(2, NOW + 60), "latest", "v1")
    world.push(SECOND, identity(0, NOW - 60), "latest")
    fates = world.written(world.decided())
    assert fates == {
        "first.example/app:latest": Fate.KEPT,
        "second.example/app:latest": Fate.MOVED,
        "first.example/app:v1": Fate.MOVED,
        "second.example/app:v1": Fate.CREATED,
    }
    assert world.names_now(FIRST, "latest") == newer
    assert sorted(world.asked) == sorted([commit(2), commit(0)])


def test_git_decides_before_the_times(world: World) -> None:
    world.push(FIRST, identity(2, NOW + 60), "latest")
    world.descent = Descent.FORWARD
    assert world.written(world.decided())["first.example/app:latest"] is Fate.MOVED


def test_equal_digests_are_not_written_again(world: World) -> None:
    world.written(world.decided())
    world.registry.calls.clear()
    assert set(world.written(world.decided()).values()) == {Fate.UNCHANGED}
    # The image of the test itself is pushed by digest, without a call.
    assert not [call for call in world.registry.calls if call.startswith("put")]


def test_a_newer_run_between_decision_and_write_is_not_undone(world: World) -> None:
    world.push(FIRST, identity(0, NOW - 60), "latest")
    decided = world.decided()
    newer = world.push(FIRST, identity(2, NOW + 60), "latest")
    assert world.written(decided)["first.example/app:latest"] is Fate.OVERTAKEN
    assert world.names_now(FIRST, "latest") == newer
    assert world.heard.errors == []


def test_an_older_run_between_decision_and_write_is_replaced(world: World) -> None:
    decided = world.decided()
    world.push(FIRST, identity(0, NOW - 60), "latest")
    assert world.written(decided)["first.example/app:latest"] is Fate.MOVED


@pytest.mark.parametrize(
    ("other", "fate"),
    [(identity(2, NOW + 60), Fate.OVERTAKEN), (identity(0, NOW - 60), Fate.FAILED), (None, Fate.FAILED)],
)
def test_a_write_of_another_run_after_ours_is_reported(world: World, other: Identity | None, fate: Fate) -> None:
    """Another run's write replaces ours before the registry is asked again."""
    decided = world.decided()
    put = world.registry.put

    def overwritten(reference: ImageReference, *rest: Any) -> object:
        answer = put(reference, *rest)
        if reference == tag(FIRST, "latest"):
            vars(world.registry).pop("put")
            world.push(FIRST, other, "latest")
        return answer

    vars(world.registry)["put"] = overwritten
    assert world.written(decided)["first.example/app:latest"] is fate


def test_after_a_failed_tag_no_moving_tag_is_begun(world: World) -> None:
    decided = world.decided()
    denied = PushDenied("first.example/app:v1", "first.example", "status 403")
    world.registry.fail_next("put first.example/app:v1", denied)
    fates = world.written(decided)
    assert fates["first.example/app:v1"] is Fate.FAILED
    assert (fates["first.example/app:latest"], fates["second.example/app:latest"]) == (Fate.WITHHELD, Fate.WITHHELD)
    assert world.names_now(SECOND, "latest") is None
    assert len(world.heard.errors) == 1


def test_a_tag_that_cannot_be_asked_for_fails(world: World) -> None:
    gone = RegistryUnreachable("first.example/app:latest", "no answer")
    world.registry.fail_next("fetch first.example/app:latest", gone)
    fates = {str(found.reference): found for found in world.decided().outcome.tags}
    assert fates["first.example/app:latest"].fate is Fate.FAILED
    assert "no answer" in fates["first.example/app:latest"].reason


def test_an_immutable_tag_is_refused_before_the_build_unless_it_is_of_our_commit(world: World) -> None:
    world.rules = {"v1": TagRule.IMMUTABLE, "latest": TagRule.MOVING}
    assert world.decider().refusals() == ()
    for place, found in ((FIRST, identity(0)), (SECOND, identity(1))):
        world.push(place, found, "v1", "latest")
    (problem,) = map(str, world.decider().refusals())
    assert problem.startswith("first.example/app:v1: the tag is immutable")
    world.registry.fail_next("fetch first.example/app:v1", RegistryUnreachable("first.example/app:v1", "no answer"))
    assert world.decider().refusals() == ()


def test_another_build_of_the_same_commit_does_not_replace_an_immutable_tag(world: World) -> None:
    world.rules = {"v1": TagRule.IMMUTABLE}
    world.push(FIRST, identity(1), "v1", more="another build")
    found = {str(found.reference): found for found in world.decided().outcome.tags}["first.example/app:v1"]
    assert found.fate is Fate.FAILED
    assert "the rebuild differs" in found.reason


def test_moving_back_writes_the_older_image(world: World) -> None:
    world.rules = {"latest": TagRule.MOVING_BACK}
    world.push(FIRST, identity(2, NOW + 60), "latest")
    decided = world.decided()
    assert world.written(decided)["first.example/app:latest"] is Fate.MOVED_BACK
    assert decided.manifest is not None
    assert world.names_now(FIRST, "latest") == decided.manifest.descriptor.digest


def test_a_plan_says_what_would_happen_to_each_tag(world: World) -> None:
    world.rules = {"latest": TagRule.MOVING, "v1": TagRule.IMMUTABLE, "v2": TagRule.IMMUTABLE}
    newer = world.push(FIRST, identity(2, NOW + 60), "latest")
    older = world.push(SECOND, identity(0, NOW - 60), "latest", "v1")
    same = world.push(FIRST, identity(1), "v1")
    foreign = world.push(FIRST, None, "edge")
    world.registry.fail_next("fetch second.example/app:v2", RegistryUnreachable("second.example/app:v2", "no answer"))
    asked = tuple(tag(place, name) for name in ("latest", "v1", "v2", "edge") for place in (FIRST, SECOND))
    found = {str(one.reference): str(one) for one in world.decider().forecasts(asked)}
    kept = found.pop("first.example/app:latest")
    assert kept.startswith(
        f"kept at {newer} of commit {commit(2)}: it names commit {commit(2)}, and ours is {commit(1)}"
    )
    rebuilt = found.pop("first.example/app:v1")
    assert rebuilt.startswith(f"unchanged at {same} of commit {commit(1)}: it is of the commit that is built")
    refused = found.pop("second.example/app:v1")
    assert refused.startswith(f"refused at {older} of commit {commit(0)}: the tag is immutable")
    assert found == {
        "second.example/app:latest": f"move from {older} of commit {commit(0)}",
        "first.example/app:v2": "create",
        "second.example/app:v2": "unknown: no usable answer from the registry: no answer; try again later",
        "first.example/app:edge": f"move from {foreign}",
        "second.example/app:edge": "create",
    }
