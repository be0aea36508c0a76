"""What a build would do with each tag, said before anything is built: ``plan --registry``."""

from dataclasses import dataclass
from enum import Enum
from typing import final

from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate
from image_builder_domain.publish.tag_rule import TagRule, TagRules

_NO_DIGEST = Digest("")


class Action(Enum):
    """What would happen to a tag. ``UNCHANGED`` is for an image of our commit, if the rebuild has the same digest."""

    CREATE = "create"
    MOVE = "move"
    MOVE_BACK = "move back"
    UNCHANGED = "unchanged"
    KEEP = "kept"
    REFUSE = "refused"
    UNKNOWN = "unknown"


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """One tag. ``before`` is the digest that it names now, and ``revision`` that image's commit, None if unknown."""

    reference: ImageReference
    action: Action
    before: Digest | None = None
    revision: str | None = None
    reason: str = ""

    def __str__(self) -> str:
        """Such as ``move from sha256:… of commit 1234…``."""
        commit = f" of commit {self.revision}" if self.revision is not None else ""
        now = f"{self.before}{commit}" if self.before is not None else ""
        joint = " from " if self.action in (Action.MOVE, Action.MOVE_BACK) else " at "
        origin = f"{joint}{now}" if now else ""
        return f"{self.action.value}{origin}{f': {self.reason}' if self.reason else ''}"


def forecast(
    rules: TagRules, reference: ImageReference, present: HeldManifest | None, descent: Descent, now: int
) -> Forecast:
    """What would happen to a tag that names ``present`` now. Arguments as those of ``TagRules.decide``."""
    if present is None:
        return Forecast(reference, Action.CREATE)
    before, revision = present.descriptor.digest, rules.revision_of(present)
    if revision is not None and revision == rules.identity.revision:
        is_immutable = rules.of(reference) is TagRule.IMMUTABLE
        otherwise = "else refused" if is_immutable else "else moved"
        reason = f"it is of the commit that is built; {otherwise}, if the rebuild has another digest"
        return Forecast(reference, Action.UNCHANGED, before, revision, reason)
    tag = rules.decide(reference, _NO_DIGEST, present, descent, now)
    actions = {Fate.MOVED: Action.MOVE, Fate.MOVED_BACK: Action.MOVE_BACK, Fate.KEPT: Action.KEEP}
    return Forecast(reference, actions.get(tag.fate, Action.REFUSE), before, revision, tag.reason)
