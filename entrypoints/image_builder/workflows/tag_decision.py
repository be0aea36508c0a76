"""Decide a tag's fate by what its registry, git and the clock say now. The rules themselves are in the domain."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.failure import NotFound
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Cancellation, PublishingRegistry
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.publish.forecast import Action, Forecast, forecast
from image_builder_domain.publish.tag_rule import TagRule, TagRules
from returns.methods import unwrap_or_failure

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE: Final = 16
_STOPPED = "the run was stopped"


@final
@dataclass(frozen=True, slots=True)
class TagDecider:
    """Decides tags of one plan. ``descent`` is git's answer about our commit and another one.

    A tag that cannot be asked for is ``failed``.
    """

    rules: TagRules
    registry: PublishingRegistry
    descent: Callable[[str], Descent]
    cancellation: Cancellation
    clock: Callable[[], float] = time.time

    def refusals(self) -> Problems:
        """Why the build must not begin: tags are immutable, and exist for another commit.

        A registry that does not answer refuses nothing. It is asked again before anything is signed.
        """
        immutable = [reference for reference, rule in self.rules.rules.items() if rule is TagRule.IMMUTABLE]

        def refusal(reference: ImageReference) -> Problem | None:
            present = self.registry.fetch(reference, self.cancellation).value_or(None)
            return self.rules.refusal(reference, present)

        return tuple(filter(None, side_by_side(refusal, immutable, _AT_ONCE)))

    def forecasts(self, references: tuple[ImageReference, ...]) -> tuple[Forecast, ...]:
        """What would happen to each of these tags, as their registries hold them now."""
        return side_by_side(self._forecast, references, _AT_ONCE)

    def decide(self, reference: ImageReference, ours: Digest) -> TagFate:
        """What will happen to the tag. An ordinary one costs a question without content."""
        if self.rules.of(reference) is not TagRule.ORDINARY:
            return self._by_content(reference, ours)
        present = unwrap_or_failure(self.registry.find(reference, self.cancellation))
        if isinstance(present, Digest):
            return TagFate(reference, Fate.UNCHANGED if present == ours else Fate.MOVED, present)
        return self._missing(reference, is_new=isinstance(present, NotFound), reason=present.description)

    def again(self, decided: TagFate, ours: Digest) -> TagFate:
        """The fate of a tag that is written next, for it may have changed since it was decided.

        It is overtaken if another run has moved it past our commit in the meantime.
        """
        present = unwrap_or_failure(self.registry.find(decided.reference, self.cancellation))
        now = present if isinstance(present, Digest) else None
        if isinstance(present, Digest | NotFound) and now == decided.before:
            return decided
        found = self.decide(decided.reference, ours)
        if found.fate is not Fate.KEPT:
            return found
        return found.becomes(Fate.OVERTAKEN, found.reason)

    def after_another_write(self, reference: ImageReference, ours: Digest) -> TagFate:
        """The fate of a tag that does not name our digest although it was written."""
        present = unwrap_or_failure(self.registry.fetch(reference, self.cancellation))
        if isinstance(present, HeldManifest):
            return self.rules.after_another_write(reference, ours, present, self._descent(present), self._now())
        reason = f"it was written, but cannot be read: {present.description}"
        return TagFate(reference, Fate.UNCONFIRMED, None, reason)

    def _forecast(self, reference: ImageReference) -> Forecast:
        present = unwrap_or_failure(self.registry.fetch(reference, self.cancellation))
        if isinstance(present, HeldManifest):
            return forecast(self.rules, reference, present, self._descent(present), self._now())
        if isinstance(present, NotFound):
            return forecast(self.rules, reference, None, Descent.UNKNOWN, self._now())
        return Forecast(reference, Action.UNKNOWN, reason=present.description)

    def _by_content(self, reference: ImageReference, ours: Digest) -> TagFate:
        present = unwrap_or_failure(self.registry.fetch(reference, self.cancellation))
        if isinstance(present, HeldManifest):
            return self.rules.decide(reference, ours, present, self._descent(present), self._now())
        return self._missing(reference, is_new=isinstance(present, NotFound), reason=present.description)

    def _missing(self, reference: ImageReference, *, is_new: bool, reason: str) -> TagFate:
        if is_new:
            return TagFate(reference, Fate.CREATED)
        if self.cancellation.reason() is not None:
            return TagFate(reference, Fate.WITHHELD, None, _STOPPED)
        return TagFate(reference, Fate.FAILED, None, reason)

    def _descent(self, present: HeldManifest) -> Descent:
        theirs = self.rules.question(present)
        return self.descent(theirs) if theirs is not None else Descent.UNKNOWN

    def _now(self) -> int:
        return int(self.clock())
