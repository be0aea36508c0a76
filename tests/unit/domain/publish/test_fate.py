"""The fate of a tag: what each word means, and how people read it."""

import pytest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.publish.fate import Fate, TagFate

_TAG = ImageReference.parse("registry.example/app:latest").unwrap()
_BEFORE = Digest("sha256:" + "1" * 64)


@pytest.mark.parametrize(
    ("fate", "is_written", "names_ours", "is_good"),
    [
        (Fate.CREATED, True, True, True),
        (Fate.MOVED, True, True, True),
        (Fate.MOVED_BACK, True, True, True),
        (Fate.UNCHANGED, False, True, True),
        (Fate.KEPT, False, False, True),
        (Fate.OVERTAKEN, False, False, True),
        (Fate.WITHHELD, False, False, False),
        (Fate.UNCONFIRMED, False, False, False),
        (Fate.FAILED, False, False, False),
    ],
)
def test_a_fate_says_whether_the_tag_names_our_image(
    fate: Fate, *, is_written: bool, names_ours: bool, is_good: bool
) -> None:
    assert (fate.is_written, fate.names_ours, fate.is_good) == (is_written, names_ours, is_good)


@pytest.mark.parametrize(
    ("fate", "text", "alert"),
    [
        (TagFate(_TAG, Fate.CREATED), "created", ""),
        (TagFate(_TAG, Fate.MOVED, _BEFORE), f"moved from {_BEFORE}", ""),
        (TagFate(_TAG, Fate.MOVED, _BEFORE, "why"), f"moved from {_BEFORE}: why", f"{_TAG} moved from {_BEFORE}: why"),
        (TagFate(_TAG, Fate.KEPT, _BEFORE, "newer"), "kept: newer", f"{_TAG} kept: newer"),
        (TagFate(_TAG, Fate.MOVED, _BEFORE).becomes(Fate.WITHHELD, "not signed"), "withheld: not signed", ""),
        (TagFate(_TAG, Fate.UNCHANGED, _BEFORE), "unchanged", ""),
    ],
)
def test_people_read_the_fate_and_its_reason(fate: TagFate, text: str, alert: str) -> None:
    assert (str(fate), fate.alert) == (text, alert)
