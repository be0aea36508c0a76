"""The rules for tags of production: ``moving-tags`` only go forward, ``immutable-tags`` are written once.

What counts are the annotations of the manifest that a tag names now, when its source is this repository. Each
registry's repository decides for itself. No registry can compare and set a tag in one step, so a write of an older run
that lands last cannot be prevented.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, assert_never, final

from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.problem import Problem
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.publish.identity import Identity

_MOST_AHEAD: Final = 3600
"""Seconds that the clocks of two machines may differ; a commit that is newer than that says nothing."""


class TagRule(Enum):
    """The rule that a tag obeys. ``MOVING_BACK`` is a moving tag that ``--move-back`` names."""

    ORDINARY = "ordinary"
    MOVING = "moving"
    MOVING_BACK = "moving back"
    IMMUTABLE = "immutable"


@final
@dataclass(frozen=True, slots=True)
class TagRules:
    """The rules of a plan: those of its destinations that are not ordinary, and what our image says of itself."""

    identity: Identity = field(default_factory=Identity)
    rules: Mapping[ImageReference, TagRule] = field(default_factory=dict)

    def of(self, reference: ImageReference) -> TagRule:
        """The rule of one destination."""
        return self.rules.get(reference, TagRule.ORDINARY)

    def is_moving(self, reference: ImageReference) -> bool:
        """True for tags that are written only after all others."""
        return self.of(reference) in (TagRule.MOVING, TagRule.MOVING_BACK)

    def question(self, present: HeldManifest | None) -> str | None:
        """The commit that git is asked about: whether ours descends from it. None where git cannot help."""
        return self.revision_of(present) if present is not None and self.identity.revision is not None else None

    def revision_of(self, present: HeldManifest) -> str | None:
        """The commit of an image of this repository, None for any other image."""
        theirs = self._theirs(present)
        return theirs.revision if theirs is not None else None

    def refusal(self, reference: ImageReference, present: HeldManifest | None) -> Problem | None:
        """Why the build must not begin: an immutable tag exists, and not for our commit."""
        if present is None or self.of(reference) is not TagRule.IMMUTABLE or self._is_rebuild(present):
            return None
        remedy = "give this build another tag, or delete that one"
        return Problem(str(reference), _already(present, self.revision_of(present)), remedy)

    def decide(
        self, reference: ImageReference, ours: Digest, present: HeldManifest | None, descent: Descent, now: int
    ) -> TagFate:
        """The fate of a tag that names ``present`` now; None if it does not exist.

        ``descent`` is git's answer to :meth:`question`. ``now`` is the clock, in seconds since 1970.
        """
        if present is None:
            return TagFate(reference, Fate.CREATED)
        before = present.descriptor.digest
        if before == ours:
            return TagFate(reference, Fate.UNCHANGED, before)
        match self.of(reference):
            case TagRule.ORDINARY:
                return TagFate(reference, Fate.MOVED, before)
            case TagRule.IMMUTABLE:
                return TagFate(reference, Fate.FAILED, before, self._difference(present))
            case TagRule.MOVING | TagRule.MOVING_BACK as rule:
                return self._moved(reference, rule, present, descent, now)
            case unknown:
                assert_never(unknown)

    def after_another_write(
        self, reference: ImageReference, ours: Digest, present: HeldManifest, descent: Descent, now: int
    ) -> TagFate:
        """The fate of a tag that another run wrote meanwhile: overtaken by a newer commit of ours, else failed."""
        before = present.descriptor.digest
        if before == ours:
            return TagFate(reference, Fate.UNCHANGED, before)
        theirs = self._theirs(present)
        newer = _why_newer(self.identity, theirs, descent, now) if theirs is not None else ""
        if newer:
            return TagFate(reference, Fate.OVERTAKEN, before, newer)
        what = f"another run wrote {before} meanwhile; find out which one, then run this one again"
        return TagFate(reference, Fate.FAILED, before, what)

    def _moved(
        self, reference: ImageReference, rule: TagRule, present: HeldManifest, descent: Descent, now: int
    ) -> TagFate:
        before, theirs = present.descriptor.digest, self._theirs(present)
        if theirs is None:
            return TagFate(reference, Fate.MOVED, before, "that image has no annotations of this repository")
        newer = _why_newer(self.identity, theirs, descent, now)
        if not newer:
            return TagFate(reference, Fate.MOVED, before, _why_uncertain(self.identity, theirs, descent, now))
        if rule is TagRule.MOVING_BACK:
            return TagFate(reference, Fate.MOVED_BACK, before, newer)
        return TagFate(reference, Fate.KEPT, before, f"{newer}; --move-back moves it on purpose")

    def _theirs(self, present: HeldManifest) -> Identity | None:
        """What a manifest says of itself, None if it is not of this repository."""
        claimed = Identity.of_annotations(dict(present.annotations))
        return claimed if self.identity.is_same_source(claimed) else None

    def _is_rebuild(self, present: HeldManifest) -> bool:
        revision = self.revision_of(present)
        return revision is not None and revision == self.identity.revision

    def _difference(self, present: HeldManifest) -> str:
        if self._is_rebuild(present):
            return f"the rebuild differs from {present.descriptor.digest}: set 'reproducible'"
        return _already(present, self.revision_of(present))


def _already(present: HeldManifest, revision: str | None) -> str:
    of = f"commit {revision}" if revision is not None else "no commit of this repository"
    return f"the tag is immutable, and names {present.descriptor.digest} already, which is of {of}"


def _why_newer(ours: Identity, theirs: Identity, descent: Descent, now: int) -> str:
    """Why our image must not replace theirs; empty where it may. Versions decide first, then git, then times."""
    if ours.release is not None and theirs.release is not None:
        if ours.release.is_prerelease and not theirs.release.is_prerelease:
            return f"it names the release {theirs.release}, and ours is the prerelease {ours.release}"
        is_lower = ours.release.is_lower_than(theirs.release)
        return f"it names version {theirs.release}, and ours is {ours.release}" if is_lower else ""
    commits = f"it names commit {theirs.revision or 'unknown'}, and ours is {ours.revision or 'unknown'}"
    match _descent(ours, theirs, descent):
        case Descent.FORWARD:
            return ""
        case Descent.BACKWARD:
            return f"{commits}, an older one"
        case Descent.APART:
            return f"{commits}, which does not descend from it"
        case Descent.UNKNOWN:
            return (
                f"{commits}, which was made before it" if _is_later(theirs.commit_time, ours.commit_time, now) else ""
            )
        case unknown:
            assert_never(unknown)


def _why_uncertain(ours: Identity, theirs: Identity, descent: Descent, now: int) -> str:
    """Why nothing says that our image is the newer one; empty where something does."""
    has_versions = ours.release is not None and theirs.release is not None
    if has_versions or _descent(ours, theirs, descent) is not Descent.UNKNOWN:
        return ""
    commits = f"it named commit {theirs.revision or 'unknown'}, which git does not know here"
    if theirs.commit_time is not None and theirs.commit_time > now + _MOST_AHEAD:
        return f"{commits}, and whose time lies in the future"
    is_compared = theirs.commit_time is not None and ours.commit_time is not None
    return "" if is_compared else f"{commits}, and a commit's time is unknown"


def _descent(ours: Identity, theirs: Identity, descent: Descent) -> Descent:
    is_same = ours.revision is not None and ours.revision == theirs.revision
    return Descent.FORWARD if is_same else descent


def _is_later(theirs: int | None, ours: int | None, now: int) -> bool:
    return theirs is not None and ours is not None and ours < theirs <= now + _MOST_AHEAD
