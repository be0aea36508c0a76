"""``image-builder`` and ``python -m image_builder``."""

import sys
from time import monotonic

from image_builder.flags import Scan, help_text, scan

TYPE_CHECKING = False  # typing's own would have to be loaded
if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Exit code of one command line of ``image-builder``."""
    return run("image-builder", scan, help_text)


def run(name: str, scan: "Callable[[list[str]], Scan]", help_text: "Callable[[str], str]") -> int:
    """Exit code of one command line; help and version load nothing but the flag table."""
    try:
        started = monotonic()
        found = scan(sys.argv[1:])
        if found.problems and (found.values["help"] or found.values["version"] or found.verb == "completion"):
            found.is_unclear = True  # the mistakes alone are reported, so that a script notices them
        elif found.values["help"]:
            return _print(help_text(found.topic))
        elif found.shell:
            from image_builder.completion import script

            return _print(script(found.shell))
        elif found.values["version"]:
            from image_builder import __version__

            return _print(f"{name} {__version__}\n")
        return _run(found, started)
    except KeyboardInterrupt:  # it came before the signal handlers were installed
        sys.stderr.write(f"{name}: interrupted\n")
        return 130


def _run(found: Scan, started: float) -> int:
    import gc

    # Imports make much and drop nothing: collecting meanwhile costs a tenth of the start.
    gc.disable()
    try:
        from image_builder.cli import run

        return int(run(found, started))
    except Exception as error:
        return report_bug(error, with_traceback=bool(found.values["debug"]))


def _print(text: str) -> int:
    """Write a result. A closed pipe (``| head``) is fine; any other failure is reported."""
    import os

    data = text.encode()
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:
        return 0
    except OSError as error:
        sys.stderr.write(f"image-builder: standard output cannot be written: {error.strerror}\n")
        return 8
    return 0


def report_bug(error: Exception, *, with_traceback: bool) -> int:
    """Print type and place of an unexpected error, never its text, which could hold a secret."""
    from traceback import extract_tb, format_list

    frames = extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    if with_traceback:
        sys.stderr.write("".join(format_list(frames)))
    remedy = "please report it" if with_traceback else "please report it with what --debug adds"
    sys.stderr.write(f"image-builder: a bug in the tool: {type(error).__name__} at {place}; {remedy}\n")
    return 1


def command() -> None:
    """The installed command ``image-builder``."""
    leave(main())


def leave(code: int) -> None:
    """End the process. The outcome is reported; ignore late signals so that the exit code cannot contradict it.

    A mode without engine and pipeline has nothing to tear down, and to finalize the interpreter takes a tenth of its
    time.
    """
    if TYPE_CHECKING:
        from signal import SIG_IGN, SIGINT, SIGTERM, signal
    else:  # the same functions; the module `signal` would load `enum`
        from _signal import SIG_IGN, SIGINT, SIGTERM, signal

    for number in (SIGINT, SIGTERM):
        signal(number, SIG_IGN)
    if "image_builder.container.runs" in sys.modules:
        import gc

        gc.freeze()  # else the interpreter looks at every object several times before it goes
        sys.exit(code)
    import os

    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    command()
