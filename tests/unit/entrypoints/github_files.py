"""GitHub's files, as its runner reads them."""


def as_the_runner_reads(content: bytes) -> dict[str, str]:
    """Outputs in a ``GITHUB_OUTPUT`` file; a line that is none fails."""
    found: dict[str, str] = {}
    lines = iter(content.decode().split("\n"))
    for line in lines:
        if not line:
            continue
        name, arrows, delimiter = line.partition("<<")
        assert arrows, f"the runner refuses the line {line!r}"
        value: list[str] = []
        while (part := next(lines)) != delimiter:
            value.append(part)
        assert name not in found
        found[name] = "\n".join(value)
    return found
