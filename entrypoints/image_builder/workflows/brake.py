"""A cancellation for builds that stop together: the run's own, and one that a failing build can give."""

import threading
import time
from typing import Final, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation

_NAP: Final = 0.05


@final
class Brake:
    """Implements ``Cancellation`` on top of the run's; what stops the run goes before what one build asks for."""

    def __init__(self, run: Cancellation) -> None:
        self._run = run
        self._pulled = threading.Event()

    def pull(self) -> None:
        """Stop every build that is not done."""
        self._pulled.set()

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        other = Interruption.ANOTHER_BUILD_FAILED if self._pulled.is_set() else None
        return self._run.reason() or other

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        end = time.monotonic() + seconds
        while self.reason() is None and (left := end - time.monotonic()) > 0:
            self._run.wait(min(left, _NAP))
        return self.reason() is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        return self._run.remaining()
