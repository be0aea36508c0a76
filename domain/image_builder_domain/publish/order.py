"""When tags are written: ``publish.tags`` of the configuration."""

from enum import Enum


class TagOrder(Enum):
    """When the tags of a build are written."""

    AFTER_SIGNING = "after-signing"
    BEFORE_SIGNING = "before-signing"
    LATER = "later"
