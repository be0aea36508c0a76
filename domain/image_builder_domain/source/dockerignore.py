"""Ignore files of build contexts: which paths an engine does not copy.

Rules: "dockerignore file" of Docker's reference, as moby's ``patternmatcher`` carries them out. A pull request
may contain the file, so matching takes time proportional to the length of a pattern.
"""

from collections.abc import Iterator


def excludes(content: str, path: str) -> bool:
    """Whether an ignore file excludes a path below the context, such as ``.git``: the last line that matches decides.

    A line that matches a folder matches what is in it. Character classes (``[a-z]``) match nothing here.
    """
    is_excluded = False
    for line in content.removeprefix("\ufeff").splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        is_exception = pattern.startswith("!")
        if any(_matches(_cleaned(pattern.removeprefix("!")), own) for own in _with_folders(path)):
            is_excluded = not is_exception
    return is_excluded


def _cleaned(pattern: str) -> str:
    return "/".join(part for part in pattern.strip().split("/") if part not in ("", "."))


def _with_folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts) + 1))


def _matches(pattern: str, path: str) -> bool:
    """Follow every way to read the pattern at once: bit ``n`` of ``places`` says that ``n`` characters are read."""
    places, index = 1, 0
    while index < len(pattern) and places:
        if pattern.startswith("**", index):
            index += 2
            places = _from(places, path, crosses=True)
            if pattern.startswith("/", index):  # '**/x' is also 'x'
                places, index = places & _after_slashes(path), index + 1
        elif pattern[index] == "*":
            places, index = _from(places, path, crosses=False), index + 1
        else:
            is_escaped = pattern[index] == "\\"
            index += is_escaped
            wanted = pattern[index : index + 1]
            places, index = _step(places, path, wanted, is_any=wanted == "?" and not is_escaped), index + 1
    return bool(places >> len(path) & 1)


def _step(places: int, path: str, wanted: str, *, is_any: bool) -> int:
    fits = sum(1 << at for at, found in enumerate(path) if found == wanted or (is_any and found != "/"))
    return (places & fits) << 1


def _from(places: int, path: str, *, crosses: bool) -> int:
    for at, found in enumerate(path):
        if places >> at & 1 and (crosses or found != "/"):
            places |= 1 << at + 1
    return places


def _after_slashes(path: str) -> int:
    return 1 | sum(1 << at + 1 for at, found in enumerate(path) if found == "/")
