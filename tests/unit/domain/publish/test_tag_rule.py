"""What becomes of a tag: ordinary, moving and immutable ones, with every kind of history."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.semantic_version import SemanticVersion
from image_builder_domain.publish.tag_rule import TagRule, TagRules

from tests.unit.domain.publish.manifests import NOW, TAG, commit, digest, held, identity

HOUR = 3600
UNKNOWN, FORWARD, BACKWARD, APART = Descent.UNKNOWN, Descent.FORWARD, Descent.BACKWARD, Descent.APART


def rules(rule: TagRule, ours: Identity) -> TagRules:
    return TagRules(ours, {TAG: rule})


def decided(
    ours: Identity, theirs: Identity | None, descent: Descent = UNKNOWN, rule: TagRule = TagRule.MOVING
) -> TagFate:
    """The fate of a tag that names another image, which says this of itself."""
    return rules(rule, ours).decide(TAG, digest(1), held(0, theirs), descent, NOW)


@pytest.mark.parametrize("rule", TagRule)
def test_a_new_tag_is_created_and_one_of_our_digest_is_unchanged(rule: TagRule) -> None:
    of_this_rule = rules(rule, identity(1))
    assert of_this_rule.decide(TAG, digest(1), None, UNKNOWN, NOW) == TagFate(TAG, Fate.CREATED)
    newer = held(1, identity(2, NOW + 60, "9.0.0"))
    assert of_this_rule.decide(TAG, digest(1), newer, BACKWARD, NOW) == TagFate(TAG, Fate.UNCHANGED, digest(1))


def test_an_ordinary_tag_moves_wherever_the_job_says() -> None:
    newer = identity(2, NOW + 60, "2.0.0")
    found = decided(identity(1, version="1.0.0"), newer, BACKWARD, TagRule.ORDINARY)
    assert (found, found.alert) == (TagFate(TAG, Fate.MOVED, digest(0)), "")


# Ours is commit 1 of time NOW; theirs is commit 0.
@pytest.mark.parametrize(
    ("theirs", "descent", "fate"),
    [
        pytest.param(identity(0, NOW - 60), FORWARD, Fate.MOVED, id="forward"),
        pytest.param(identity(0, NOW + 60), FORWARD, Fate.MOVED, id="forward, rebased with old times"),
        pytest.param(identity(0, NOW + 60), BACKWARD, Fate.KEPT, id="rollback"),
        pytest.param(identity(0, NOW - 60), BACKWARD, Fate.KEPT, id="rollback with odd times"),
        pytest.param(identity(0, NOW - 60), APART, Fate.KEPT, id="forced push, both known"),
        pytest.param(identity(0, NOW - 60), UNKNOWN, Fate.MOVED, id="shallow clone, theirs is older"),
        pytest.param(identity(0, NOW), UNKNOWN, Fate.MOVED, id="shallow clone, same second"),
        pytest.param(identity(0, NOW + 1), UNKNOWN, Fate.KEPT, id="shallow clone, theirs is newer"),
        pytest.param(identity(0, NOW + HOUR), UNKNOWN, Fate.KEPT, id="an hour ahead of the clock"),
        pytest.param(identity(1, NOW), UNKNOWN, Fate.MOVED, id="another build of the same commit"),
    ],
)
def test_a_moving_tag_only_goes_forward(theirs: Identity, descent: Descent, fate: Fate) -> None:
    found = decided(identity(1), theirs, descent)
    assert (found.fate, found.before) == (fate, digest(0))
    assert bool(found.alert) == (fate is Fate.KEPT)
    if fate is Fate.KEPT:
        assert commit(0) in found.alert
        assert commit(1) in found.alert
        assert "--move-back" in found.alert


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        pytest.param(identity(1), None, "no annotations of this repository", id="foreign image"),
        pytest.param(
            identity(1),
            identity(0, NOW + 60, source="https://github.com/acme/base"),
            "no annotations of this repository",
            id="another repository",
        ),
        pytest.param(
            identity(1, source=None), identity(0, NOW + 60), "no annotations of this repository", id="ours is unknown"
        ),
        pytest.param(identity(1), identity(0, NOW + HOUR + 1), "in the future", id="a date in the future"),
        pytest.param(identity(1), identity(0, None), "a commit's time is unknown", id="theirs has no time"),
        pytest.param(identity(1, None), identity(0, NOW - 60), "a commit's time is unknown", id="ours has no time"),
    ],
)
def test_a_moving_tag_that_nothing_compares_moves_with_a_warning(
    ours: Identity, theirs: Identity | None, why: str
) -> None:
    found = decided(ours, theirs)
    assert (found.fate, found.before) == (Fate.MOVED, digest(0))
    assert why in found.alert


@pytest.mark.parametrize(
    ("ours", "theirs", "fate"),
    [
        ("1.2.0", "1.1.9", Fate.MOVED),
        ("1.2.0", "1.2.0", Fate.MOVED),
        ("1.2.0", "1.2.0-rc.1", Fate.MOVED),
        ("1.1.10", "1.2.0", Fate.KEPT),
        ("1.2.0-rc.2", "1.2.0-rc.1", Fate.MOVED),
        ("1.2.0-rc.1", "1.2.0-rc.2", Fate.KEPT),
        ("2.0.0-rc.1", "1.2.0", Fate.KEPT),
        ("1.2.1", "2.0.0-rc.1", Fate.KEPT),
    ],
)
@pytest.mark.parametrize("descent", Descent)
def test_versions_decide_before_git(ours: str, theirs: str, fate: Fate, descent: Descent) -> None:
    found = decided(identity(1, NOW, ours), identity(0, NOW + 60, theirs), descent)
    assert found.fate is fate
    assert bool(found.alert) == (fate is Fate.KEPT)


def test_one_version_alone_decides_nothing() -> None:
    assert decided(identity(1), identity(0, version="2.0.0"), FORWARD).fate is Fate.MOVED
    assert decided(identity(1, version="9.0.0"), identity(0), BACKWARD).fate is Fate.KEPT


def test_a_tag_is_moved_back_on_purpose_and_says_so_only_when_it_goes_back() -> None:
    back = decided(identity(1), identity(0), BACKWARD, TagRule.MOVING_BACK)
    assert (back.fate, back.before, back.alert[:0]) == (Fate.MOVED_BACK, digest(0), "")
    assert decided(identity(1), identity(0), FORWARD, TagRule.MOVING_BACK).fate is Fate.MOVED


# --- immutable tags ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "refused"),
    [
        (identity(1), ""),
        (identity(0), f"commit {commit(0)}"),
        (identity(1, source="https://github.com/acme/base"), "no commit of this repository"),
        (None, "no commit of this repository"),
    ],
)
def test_an_immutable_tag_of_another_commit_stops_the_build_before_it_begins(
    theirs: Identity | None, refused: str
) -> None:
    problem = rules(TagRule.IMMUTABLE, identity(1)).refusal(TAG, held(0, theirs))
    assert (refused in str(problem)) if refused else problem is None
    for rule in set(TagRule) - {TagRule.IMMUTABLE}:
        assert rules(rule, identity(1)).refusal(TAG, held(0, theirs)) is None
    assert rules(TagRule.IMMUTABLE, identity(1)).refusal(TAG, None) is None


def test_a_rebuild_of_an_immutable_tag_must_have_the_same_digest() -> None:
    differs = decided(identity(1), identity(1), FORWARD, TagRule.IMMUTABLE)
    assert differs.fate is Fate.FAILED
    assert "the rebuild differs" in differs.reason
    assert "reproducible" in differs.reason
    meanwhile = decided(identity(1), identity(0), FORWARD, TagRule.IMMUTABLE)
    assert meanwhile.fate is Fate.FAILED
    assert "the tag is immutable" in meanwhile.reason


def test_without_a_commit_no_immutable_tag_is_ours() -> None:
    assert rules(TagRule.IMMUTABLE, Identity()).refusal(TAG, held(0, Identity())) is not None


# --- two runs at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", TagRule)
@pytest.mark.parametrize(
    ("present", "descent", "fate"),
    [
        pytest.param(held(1, identity(1)), UNKNOWN, Fate.UNCHANGED, id="ours"),
        pytest.param(held(0, identity(0, NOW + 60)), BACKWARD, Fate.OVERTAKEN, id="a newer commit"),
        pytest.param(held(0, identity(0, NOW + 60)), UNKNOWN, Fate.OVERTAKEN, id="a newer commit by its time"),
        pytest.param(held(0, identity(0, NOW - 60)), FORWARD, Fate.FAILED, id="an older commit"),
        pytest.param(held(0, identity(1)), UNKNOWN, Fate.FAILED, id="another build of our commit"),
        pytest.param(held(0, None), UNKNOWN, Fate.FAILED, id="a foreign image"),
    ],
)
def test_a_tag_that_another_run_wrote_is_overtaken_or_failed(
    rule: TagRule, present: HeldManifest, descent: Descent, fate: Fate
) -> None:
    found = rules(rule, identity(1)).after_another_write(TAG, digest(1), present, descent, NOW)
    assert (found.fate, found.before) == (fate, present.descriptor.digest)
    assert bool(found.reason) == (fate is not Fate.UNCHANGED)


def test_git_is_asked_only_about_a_commit_of_this_repository() -> None:
    ours = rules(TagRule.MOVING, identity(1))
    assert ours.question(held(0, identity(0))) == commit(0)
    foreign = identity(0, source="https://github.com/acme/base")
    assert [ours.question(found) for found in (None, held(0, None), held(0, foreign))] == [None] * 3
    assert rules(TagRule.MOVING, Identity(identity(1).source)).question(held(0, identity(0))) is None


# --- whole histories --------------------------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[frozenset[int]]:
    """Commits of a branching history: for each, itself and all that it descends from. Parents have lower numbers."""
    ancestors: list[frozenset[int]] = []
    for number in range(draw(st.integers(2, 8))):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        ancestors.append(frozenset({number}).union(*(ancestors[parent] for parent in parents)))
    return ancestors


def published(before: HeldManifest | None, number: int, ours: Identity, descent: Descent) -> HeldManifest:
    """What the tag names after a build of this commit."""
    fate = rules(TagRule.MOVING, ours).decide(TAG, digest(number), before, descent, NOW)
    return held(number, ours) if before is None or fate.fate.names_ours else before


@given(histories(), st.data())
def test_no_sequence_of_builds_moves_a_tag_to_an_ancestor(ancestors: list[frozenset[int]], data: st.DataObject) -> None:
    """Whether git knows the commits or not: each commit was made after its parents."""
    now: HeldManifest | None = None
    places = []
    for number in data.draw(st.lists(st.integers(0, len(ancestors) - 1), min_size=2, max_size=12)):
        other = int(now.descriptor.digest.hexadecimal, 16) if now is not None else number
        known = FORWARD if other in ancestors[number] else BACKWARD if number in ancestors[other] else APART
        descent = data.draw(st.sampled_from((known, UNKNOWN)))
        now = published(now, number, identity(number, NOW - 100 + number), descent)
        places.append(int(now.descriptor.digest.hexadecimal, 16))
    for before, after in pairwise(places):
        assert after == before or after not in ancestors[before]


@given(st.lists(st.from_regex(r"\A[0-2]\.[0-2]\.[0-2](-rc\.[0-2])?\Z"), min_size=2, max_size=10))
def test_no_sequence_of_releases_lowers_a_version(texts: list[str]) -> None:
    now: HeldManifest | None = None
    places: list[SemanticVersion] = []
    for number, text in enumerate(texts):
        ours = identity(number, NOW - number, text)
        now = published(now, number, ours, BACKWARD)
        found = SemanticVersion.parse(texts[int(now.descriptor.digest.hexadecimal, 16)])
        assert found is not None
        places.append(found)
    for before, after in pairwise(places):
        assert not after.is_lower_than(before)
        assert before.is_prerelease or not after.is_prerelease
