"""Why a library's request gave no answer, in our words: the one place that knows its exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from image_builder_adapters.http.message import NoAnswer, NoAnswerKind

if TYPE_CHECKING:
    import httpx


def no_answer(shown: str, error: httpx.HTTPError) -> NoAnswer:
    """The failure that stands for the library's ``error``; ``shown`` is the URL, fit to be shown."""
    import httpx

    if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        # The library's own words may quote a header's value.
        reason = "the request cannot be sent: check the URL and the credentials' characters"
        return NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST, may_have_arrived=False)
    arrived = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError))
    certificate = _certificate_problem(error)
    if certificate is not None:
        return NoAnswer(shown, f"certificate problem: {certificate}", NoAnswerKind.CERTIFICATE, arrived)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer(shown, "timed out", NoAnswerKind.TRANSIENT, arrived)
    return NoAnswer(shown, str(error) or type(error).__name__, NoAnswerKind.TRANSIENT, arrived)


def _certificate_problem(error: BaseException) -> str | None:
    """What OpenSSL says when either side's certificate was refused, found along the chain of causes."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
        reason = str(getattr(cause, "reason", "") or "") if isinstance(cause, ssl.SSLError) else ""
        if "CERTIFICATE" in reason or reason.endswith(("UNKNOWN_CA", "ALERT_ACCESS_DENIED")):
            return reason.replace("_", " ").lower()
        cause = cause.__cause__ or cause.__context__
    return None
