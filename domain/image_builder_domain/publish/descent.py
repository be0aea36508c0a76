"""Which of two commits descends from the other, as the git program says."""

from enum import Enum


class Descent(Enum):
    """The answer about our commit and another one. A shallow clone can prove a descent, but not that there is none."""

    FORWARD = "ours descends from the other, or is the same"
    BACKWARD = "the other descends from ours"
    APART = "git knows both, and neither descends from the other"
    UNKNOWN = "git does not know both, or does not have their whole history"
