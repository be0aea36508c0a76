"""Whether a failed push of BuildKit is worth another run of ``buildctl``; pure.

The build is cached, so that such a run repeats the push alone. BuildKit itself repeats a request that was answered with
5xx or lost, three times in 7 s. It gives up at once after 429, whose ``Retry-After`` it ignores. Source: containerd,
``core/remotes/docker`` (the texts of errors), and BuildKit, ``util/resolver/retryhandler``.
"""

import re
from typing import Final

from image_builder_domain.build import PushFailed

from image_builder_adapters.http.retry import TRANSIENT_STATUSES, RetryPolicy

PUSH_POLICY: Final = RetryPolicy(attempts=3, pause_seconds=2.0, growth=2.0)
_BUSY_SECONDS: Final = 15.0
"""The pause after 429, for which the registry asks in a header that BuildKit does not show."""

_STATUS: Final = re.compile(r": (\d{3}) [A-Z]")
_LOST: Final = re.compile(
    r"connection re(?:set|fused)|broken pipe|\bEOF\b|i/o timeout|handshake timeout|deadline exceeded|Client\.Timeout",
)


def push_again(failure: PushFailed) -> float | None:
    """The least pause in seconds before the push is repeated, if the registry was busy, broken or lost.

    None if it must not be repeated: a refusal stays one, and so does what is not known.
    """
    statuses = [int(status) for status in _STATUS.findall(failure.reason)]
    if statuses:
        may_pass = statuses[-1] in TRANSIENT_STATUSES
        return (_BUSY_SECONDS if statuses[-1] == 429 else 0.0) if may_pass else None
    return 0.0 if _LOST.search(failure.reason) is not None else None
