"""Which endpoints may be asked: a secret never travels without TLS, except on loopback; pure."""

from urllib.parse import urlsplit

from image_builder_adapters.http.client import is_loopback_host


def endpoint_problem(url: str, *, has_secret: bool, needs_tls: bool = False) -> str | None:
    """Why a URL cannot be used, None when it can; never quotes the URL."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is no http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password; use 'secret' instead"
    if parts.scheme == "https":
        return None
    if needs_tls:
        return "a secret of type 'mtls' needs an https URL"
    return (
        "would send the secret without encryption; use an https URL"
        if has_secret and not is_loopback_host(host)
        else None
    )
