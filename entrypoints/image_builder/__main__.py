"""``image-builder`` and ``python -m image_builder``."""

import sys

from image_builder.flags import help_text, scan


def main() -> int:
    """Exit code of one command line; help and version load nothing but the flag table."""
    found = scan(sys.argv[1:])
    if found.values["help"]:
        sys.stdout.write(help_text())
        return 0
    if found.values["version"]:
        from image_builder import __version__

        sys.stdout.write(f"image-builder {__version__}\n")
        return 0
    try:
        from image_builder.cli import run

        return int(run(found))
    except KeyboardInterrupt:
        sys.stderr.write("image-builder: interrupted\n")
        return 130
    except Exception as error:  # a bug: its text could hold a secret, its place cannot
        if found.values["debug"]:
            raise
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "?"
        sys.stderr.write(f"image-builder: a bug in the tool: {type(error).__name__} at {where}; please report it\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
