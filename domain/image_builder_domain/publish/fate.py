"""The fate of each tag of a plan: what will happen to it, and after the run, what happened."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import final

from image_builder_domain.image.reference import Digest, ImageReference


class Fate(Enum):
    """One word for each tag. Before it is written, the first three say what the write will do."""

    CREATED = "created"
    MOVED = "moved"
    MOVED_BACK = "moved back"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    OVERTAKEN = "overtaken"
    WITHHELD = "withheld"
    UNCONFIRMED = "unconfirmed"
    FAILED = "failed"

    @property
    def is_written(self) -> bool:
        """True when the tag needs a write, or got one."""
        return self in (Fate.CREATED, Fate.MOVED, Fate.MOVED_BACK)

    @property
    def names_ours(self) -> bool:
        """True when the tag names the digest of this run."""
        return self.is_written or self is Fate.UNCHANGED

    @property
    def is_good(self) -> bool:
        """True when nothing is left to do: the tag names our digest, or a newer image of this repository."""
        return self.names_ours or self in (Fate.KEPT, Fate.OVERTAKEN)


@final
@dataclass(frozen=True, slots=True)
class TagFate:
    """The fate of one tag in one repository.

    ``before`` is the digest that the tag named before the run, None where it named none or was not asked. ``reason``
    says why the tag was not written, or what people should look at although it was; it may be empty.
    """

    reference: ImageReference
    fate: Fate
    before: Digest | None = None
    reason: str = ""

    @property
    def alert(self) -> str:
        """The warning that the CI system shows beside the job; empty without one."""
        shown = self.fate in (Fate.MOVED, Fate.MOVED_BACK, Fate.KEPT) and self.reason
        return f"{self.reference} {self}" if shown else ""

    def becomes(self, fate: Fate, reason: str = "") -> "TagFate":
        """The same tag with another fate."""
        return replace(self, fate=fate, reason=reason)

    def __str__(self) -> str:
        """Such as ``moved from sha256:…`` and ``withheld: not signed``."""
        is_from = self.before is not None and self.fate in (Fate.MOVED, Fate.MOVED_BACK)
        origin = f" from {self.before}" if is_from else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.fate.value}{origin}{reason}"
