"""What an answer of a service means."""

from enum import Enum, auto


class Verdict(Enum):
    """Done, never to be had, or worth another attempt."""

    SUCCESS = auto()
    FINAL = auto()
    TRANSIENT = auto()
