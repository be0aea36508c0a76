"""Foreign text made safe for terminals and for CI systems that obey commands in a log.

GitHub's runner obeys a line that starts (after blanks) with ``::command::``, or that holds ``##[command``; Azure's
agent obeys ``##vso[`` anywhere in a line. Terminals obey control characters.
"""

import re

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\n\t") + b"\x7f"
# White space as .NET trims it, in UTF-8: the runner skips all of it.
_BLANK = rb"(?:[ \t]|\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80|\xef\xbb\xbf)"
# Compiled when first used: most runs show nothing suspicious.
_DANGEROUS = (
    rb"(?P<control>\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f])"
    rb"|(?P<anywhere>\#\#(?=\[|vso\[))"
    rb"|(?P<start>^" + _BLANK + rb"*+:(?=:))"
)
_FLAGS = re.MULTILINE | re.IGNORECASE


def neutralise(text: bytes) -> bytes:
    """Whole lines of foreign output, safe to show; harmless ones are unchanged.

    Control characters (but newline, tab and the carriage return of a CRLF) are shown escaped, like ``\\x1b``; a blank
    breaks the commands of CI systems: ``## vso[``, ``: :error::``.
    """
    return re.sub(_DANGEROUS, _defuse, text, flags=_FLAGS) if _is_suspicious(text) else text


def single_line(text: str, longest: int) -> str:
    """Foreign text as one printable line of at most ``longest`` characters that no CI system takes as a command."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = neutralise(" ".join(printable.split()).encode()).decode()
    return line if len(line) <= longest else f"{line[:longest]}…"


def harmless_json(document: str) -> str:
    """The same JSON document, without a text in it that a CI system takes as a command: ``##`` is in strings alone."""
    return document.replace("##", r"#\u0023")


def _is_suspicious(text: bytes) -> bool:
    """A quick look, several times as fast as the expression; ``\\xc2`` begins the control characters above 0x7f."""
    return b"\xc2" in text or b"##" in text or b"::" in text or len(text.translate(None, _CONTROLS)) != len(text)


def _defuse(match: re.Match[bytes]) -> bytes:
    if match.lastgroup == "control":
        code = match[0].decode("utf-8")
        return f"\\x{ord(code):02x}".encode()
    return match[0] + b" "
