"""URLs of repositories: the server that holds one, and the path that names it.

A URL may hold a password, so no function here returns or quotes a whole one.
"""

import re

_ALIASES = {
    "www.github.com": "github.com",
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Other names of public servers: a repository is the same one under each of them."""
_USUAL_PORTS = {"http": "80", "https": "443", "ssh": "", "git": ""}
# Written out, since ``urllib`` costs every start more than all other reading of the job.
_SERVER = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


def host_and_path(url: str) -> tuple[str, str]:
    """Host and path of an ``https``, ``ssh`` or ``user@host:path`` URL; both empty when the text is not such a URL.

    The host is in lower case. It ends with the port of an ``http`` or ``https`` URL that names one other than the
    scheme's own; the port of ``ssh`` belongs to another service of the same server, and is left out.
    """
    scheme, is_url, rest = url.partition("://")
    if not is_url:
        place, colon, path = url.partition(":")
        return (_known_as(place.rpartition("@")[2]), path) if colon and "/" not in place else ("", "")
    place, _, path = rest.partition("/")
    server = _SERVER.fullmatch(place.rpartition("@")[2])
    if scheme.lower() not in _USUAL_PORTS or server is None or "?" in rest or "#" in rest:
        return "", ""
    host, port = server["host"].strip("[]"), server["port"] or ""
    is_usual = not port or _USUAL_PORTS[scheme.lower()] in ("", port)
    return _known_as(host if is_usual else f"{host}:{port}"), path


def host_of(url: str | None) -> str | None:
    """The host of a URL as :func:`host_and_path` reads it, None where there is none."""
    return (host_and_path(url)[0] or None) if url else None


def _known_as(host: str) -> str:
    lower = host.lower()
    return _ALIASES.get(lower, lower)
