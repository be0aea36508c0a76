"""The functions ``html``, ``js`` and ``urlquery``: texts made safe for other languages."""

from typing import Final

from image_builder_domain.go.template.quoting import is_printable
from image_builder_domain.go.template.value import encoded

_HTML: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd"},
)
_JS: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip
_KEPT_IN_URLS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")


def html(text: str) -> str:
    """For HTML."""
    return text.translate(_HTML)


def js(text: str) -> str:
    """For a string of JavaScript; bytes that make no character stay."""
    return "".join(_JS.get(char) or _js(char) for char in text)


def _js(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return f"\\u00{code:02X}"
    is_byte = 0xDC80 <= code <= 0xDCFF
    return char if char.isascii() or is_byte or is_printable(char) else f"\\u{code:04X}"


def urlquery(text: str) -> str:
    """For a query of a URL: a blank becomes ``+``."""
    return "".join(
        chr(byte) if byte in _KEPT_IN_URLS else "+" if byte == 0x20 else f"%{byte:02X}" for byte in encoded(text)
    )
