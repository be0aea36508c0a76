"""Is this program good enough? It is asked for its version, and where it cannot tell, for its flags."""

import os
import pwd
import re
import shutil
import stat
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from toolchain.pins import PathSource, SourceError, Tool, parse_version

_ANSWER_SECONDS = 30
_ELF_INTERPRETER = 3
_IDENTITIES = 65536

RANGES = {"newuidmap": Path("/etc/subuid"), "newgidmap": Path("/etc/subgid")}
"""Where the system says which identities it lends to whom (``subuid(5)``)."""


def on_path(tool: Tool, ignore: Path) -> Mapping[str, Path]:
    """The tool's programs as ``PATH`` has them, all good; ``ignore`` is our own folder, whose links do not count."""
    found = {program: _which(tool.path.names.get(program, [program]), ignore) for program in tool.programs}
    for program, file in found.items():
        check(tool, program, file)
    return found


def check(tool: Tool, program: str, file: Path) -> str:
    """The version that ``file`` tells, or "its flags"; :class:`SourceError` when it is not good enough."""
    if tool.path.static and not is_static(file):
        raise SourceError(f"{file} is not statically linked")
    if tool.path.maps_identities:
        _check_identities(program, file)
    if tool.path.minimum is None:
        return "any version"
    said = ask(file, tool.path.ask)
    version = told_version(tool.path, said)
    if version is None:
        _check_flags(tool, program, file)
        return "its flags"
    if parse_version(version) < tool.path.minimum:
        raise SourceError(f"{file} is {version}, older than {'.'.join(map(str, tool.path.minimum))}")
    return version


def told_version(path: PathSource, said: str) -> str | None:
    """The version in a program's answer; None also for 0.0.0, which unversioned builds say."""
    match = re.search(path.says, said)
    if match is None or not any(parse_version(match[1])):
        return None
    return match[1]


def ask(file: Path, arguments: list[str]) -> str:
    """All that the program prints for these arguments, with any exit code."""
    try:
        done = subprocess.run(
            [file, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ANSWER_SECONDS,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{file} does not run: {error}") from error
    return done.stdout


def is_static(file: Path) -> bool:
    """Whether an ELF program asks for no loader (64-bit little-endian, as all our machines are)."""
    content = file.read_bytes()
    if content[:6] != b"\x7fELF\x02\x01":
        return False
    table, size, count = (*struct.unpack_from("<Q", content, 32), *struct.unpack_from("<HH", content, 54))
    kinds = (struct.unpack_from("<I", content, table + index * size)[0] for index in range(count))
    return _ELF_INTERPRETER not in kinds


def _which(names: list[str], ignore: Path) -> Path:
    for name in names:
        found = shutil.which(name)
        if found and not Path(found).resolve().is_relative_to(ignore):
            return Path(found).absolute()
    raise SourceError(f"no {' or '.join(names)} on PATH")


def may_map(file: Path) -> bool:
    """Whether the program has the privilege that mapping identities needs: root's, or capabilities of the file."""
    status = file.stat()
    return (bool(status.st_mode & stat.S_ISUID) and status.st_uid == 0) or "security.capability" in os.listxattr(file)


def _check_identities(program: str, file: Path) -> None:
    """Whether ``newuidmap`` or ``newgidmap`` (``newuidmap(1)``) can map identities that are lent to this user."""
    if not may_map(file):
        raise SourceError(f"{file} is neither set-user-ID root nor has file capabilities")
    ranges = RANGES[program]
    try:
        lines = ranges.read_text(errors="replace").splitlines()
    except OSError as error:
        raise SourceError(f"{ranges}: {error.strerror}") from error
    owners = {str(os.geteuid()), pwd.getpwuid(os.geteuid()).pw_name}
    lent = [line.split(":") for line in lines]
    if not any(
        len(line) == 3 and line[0] in owners and line[2].isdigit() and int(line[2]) >= _IDENTITIES for line in lent
    ):
        raise SourceError(
            f"{ranges} does not give this user {_IDENTITIES} identities; add a line such as USER:100000:65536"
        )


def _check_flags(tool: Tool, program: str, file: Path) -> None:
    flags = tool.path.flags.get(program)
    if flags is None:
        raise SourceError(f"{file} does not tell its version")
    words = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", ask(file, flags.help)))
    missing = [flag for flag in flags.needs if flag not in words]
    if missing:
        raise SourceError(f"{file} does not tell its version and lacks {', '.join(missing)}")
