"""What a plan says of each tag before anything is built."""

import pytest
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.forecast import Action, forecast
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.tag_rule import TagRule, TagRules

from tests.unit.domain.publish.manifests import NOW, TAG, commit, digest, held, identity

OLDER, OURS, NEWER = identity(0, NOW - 60), identity(1), identity(2, NOW + 60)


@pytest.mark.parametrize(
    ("rule", "theirs", "action"),
    [
        (TagRule.ORDINARY, NEWER, Action.MOVE),
        (TagRule.MOVING, OLDER, Action.MOVE),
        (TagRule.MOVING, NEWER, Action.KEEP),
        (TagRule.MOVING_BACK, NEWER, Action.MOVE_BACK),
        (TagRule.IMMUTABLE, OLDER, Action.REFUSE),
        *((rule, OURS, Action.UNCHANGED) for rule in TagRule),
    ],
)
def test_a_tag_that_exists(rule: TagRule, theirs: Identity, action: Action) -> None:
    found = forecast(TagRules(OURS, {TAG: rule}), TAG, held(0, theirs), Descent.UNKNOWN, NOW)
    assert (found.action, found.before, found.revision) == (action, digest(0), theirs.revision)
    assert ("refused" in found.reason) == (rule is TagRule.IMMUTABLE and theirs is OURS)


@pytest.mark.parametrize("rule", TagRule)
def test_a_tag_that_does_not_exist_is_created(rule: TagRule) -> None:
    found = forecast(TagRules(OURS, {TAG: rule}), TAG, None, Descent.UNKNOWN, NOW)
    assert str(found) == "create"


def test_people_read_from_which_digest_and_commit_a_tag_would_move() -> None:
    rules = TagRules(OURS, {TAG: TagRule.MOVING})
    found = forecast(rules, TAG, held(0, OLDER), Descent.FORWARD, NOW)
    assert str(found) == f"move from {digest(0)} of commit {commit(0)}"
    foreign = forecast(rules, TAG, held(0, None), Descent.UNKNOWN, NOW)
    assert str(foreign) == f"move from {digest(0)}: that image has no annotations of this repository"
