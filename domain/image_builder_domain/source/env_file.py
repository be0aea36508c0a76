"""The file of ``--env-file``: lines of ``NAME=value`` that become build arguments, and nothing else."""

from typing import Final

from returns.result import Result, Success

from image_builder_domain.problem import Problems, every, refuse
from image_builder_domain.source.build_argument import BuildArgument, is_argument_name

MOST_ARGUMENTS: Final = 1_000
"""In one file. Every variant gets all of them, on a command line."""

_WRITE = "write NAME=value, or begin a comment with '#'"


def env_file_arguments(text: str, file: str) -> Result[tuple[BuildArgument, ...], Problems]:
    """The arguments in the order of their lines; every malformed line is a problem with its number.

    Blank lines and lines that begin with ``#`` are left out. A value is everything after the first ``=``: quotes and
    blanks belong to it. What a line holds is never repeated in a problem, it may be secret.
    """
    lines = ((number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1))
    told = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    if len(told) > MOST_ARGUMENTS:
        what = f"the file holds {len(told)} arguments, and at most {MOST_ARGUMENTS} are possible"
        return refuse(file, what, "write fewer")
    return every(_argument(line, f"{file}:{number}") for number, line in told)


def _argument(line: str, where: str) -> Result[BuildArgument, Problems]:
    name, equals, value = line.partition("=")
    if not equals:
        return refuse(where, "the line has no '='", _WRITE)
    if not is_argument_name(name):
        return refuse(where, "what stands before the first '=' is no name of a build argument", _WRITE)
    if "\0" in value:
        return refuse(where, "the line holds a NUL character, which no argument can hold", "remove it")
    return Success(BuildArgument(name, value))
