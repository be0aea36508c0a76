"""Log records of adapters on the console: redacted, neutralised and formatted like every other message."""

import logging
from typing import final

from image_builder.presenters.console import Console


@final
class _ToConsole(logging.Handler):
    """Shows warnings and errors as warnings: an error of an adapter is a value, which its caller reports."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Implement ``logging.Handler.emit``."""
        show = self._console.warning if record.levelno >= logging.WARNING else self._console.debug
        show(record.getMessage())


def show_adapter_log(console: Console, *, debug: bool) -> None:
    """Send log records of adapters to the console; debug records only with ``debug``."""
    logger = logging.getLogger("image_builder_adapters")
    logger.handlers = [_ToConsole(console)]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logger.propagate = False
