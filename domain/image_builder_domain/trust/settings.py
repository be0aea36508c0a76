"""The keys of the configuration file for the trust decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from image_builder_domain.configuration import decoder as read

if TYPE_CHECKING:
    from image_builder_domain.trust.production_ref import ProductionRefs

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?"


@final
@dataclass(frozen=True, slots=True)
class TrustSettings:
    """The administrators' rules for refs and repositories.

    ``production_refs`` is None without the key: then defaults of the CI system count. ``unprotected_refs`` accepts
    refs that everybody can create. ``repository_hosts`` are the hosts, in lower case, whose ``org/repo`` counts; empty
    for any. ``local_publishes`` lets builds outside CI push to ``registry``.
    """

    production_refs: "ProductionRefs | None" = None
    unprotected_refs: bool = False
    repository_hosts: tuple[str, ...] = ()
    local_publishes: bool = False


def trust_settings(values: Mapping[str, Any]) -> TrustSettings:
    """The settings of a file in which nothing is wrong."""
    return TrustSettings(
        values.get("production-refs"),
        values.get("unprotected-refs", False),
        values.get("repository-hosts", ()),
        values.get("local-publishes", False),
    )


def _production_refs() -> "read.Decoder[ProductionRefs]":
    from image_builder_domain.trust.production_ref import production_refs

    return production_refs


def _hosts() -> read.Decoder[tuple[str, ...]]:
    host = read.Decoder(read.plain_text.read, lambda: {"type": "string", "pattern": f"^{_HOST}$"})
    return read.one_or_list_of(host.parsed(_host, "write a host such as github.com, without scheme and path"))


def _host(text: str) -> Any:
    import re

    from returns.result import Failure, Success

    return Success(text.lower()) if re.fullmatch(_HOST, text) else Failure(f"{text[:80]!r} is not a host")


TRUST_KEYS: dict[str, read.Decoder[Any]] = {
    "production-refs": read.deferred(_production_refs).about(
        "The refs that hold merged code, for '*', org/*, org/repo or host/org/repo."
    ),
    "unprotected-refs": read.boolean.about(
        "Whether a tag, or a ref listed through a *, is production although everybody may create it.", default=False
    ),
    "repository-hosts": read.deferred(_hosts).about("The hosts whose org/repo counts; Jenkins needs it."),
    "local-publishes": read.boolean.about("Whether builds outside CI push to registry.", default=False),
}
"""The table of their fields; :mod:`image_builder_domain.configuration.file` has all others."""
