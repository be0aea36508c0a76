"""What adapters log, told on the console: redacted, neutralised and formatted as everything else that the tool says."""

import logging
from typing import final

from image_builder.presenters.console import Console


@final
class _ToConsole(logging.Handler):
    """Warnings and worse as warnings: an error of an adapter is a value, and told by whoever gets it."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Implement ``logging.Handler.emit``."""
        tell = self._console.warning if record.levelno >= logging.WARNING else self._console.debug
        tell(record.getMessage())


def tell_log_lines(console: Console, *, debug: bool) -> None:
    """From now on; details with ``debug`` alone."""
    logger = logging.getLogger("image_builder_adapters")
    logger.handlers = [_ToConsole(console)]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logger.propagate = False
