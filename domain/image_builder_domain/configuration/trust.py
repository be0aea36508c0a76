"""The keys of the configuration file for the trust decision and for the check of the checkout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read

if TYPE_CHECKING:
    from image_builder_domain.configuration.production_ref import ProductionRefs

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


@final
@dataclass(frozen=True, slots=True)
class CheckoutRules:
    """What administrators allow: the key ``checkout-check``.

    ``changed_paths`` are files that HEAD may change after the claimed commit. ``none`` allows production jobs without
    any ``.git``.
    """

    changed_paths: tuple[str, ...] = ()
    none: bool = False


def trust_settings(values: Mapping[str, Any]) -> TrustSettings:
    """The settings of a valid file."""
    return TrustSettings(
        values.get("production-refs"),
        values.get("unprotected-refs", False),
        values.get("repository-hosts", ()),
        values.get("local-publishes", False),
    )


def checkout_rules(values: Mapping[str, Any]) -> CheckoutRules:
    """The rules of a valid file."""
    found = values.get("checkout-check", {})
    return CheckoutRules(found.get("changed-paths", ()), found.get("none", False))


def _production_refs() -> "read.Decoder[ProductionRefs]":
    from image_builder_domain.configuration.production_ref import production_refs

    return production_refs


def _hosts() -> read.Decoder[tuple[str, ...]]:
    host = read.Decoder(read.plain_text.read, lambda: {"type": "string", "pattern": f"^{_HOST}$"})
    return read.one_or_list_of(host.parsed(_host, "write a host such as github.com, without scheme and path"))


def _host(text: str) -> Result[str, str]:
    import re

    return Success(text.lower()) if re.fullmatch(_HOST, text) else Failure(f"{text[:80]!r} is not a host")


def _checkout_check() -> read.Decoder[dict[str, Any]]:
    path = read.text.parsed(_repository_path, "write it as git does, such as CHANGELOG.md or docs/version.txt")
    return read.fields(
        {
            "changed-paths": read.one_or_list_of(path).about(
                "Files that steps of the job may commit before the build."
            ),
            "none": read.boolean.about("Whether production builds without any .git.", default=False),
        }
    )


def _repository_path(text: str) -> Result[str, str]:
    """An exact path: a pattern could disable the whole comparison."""
    if "*" in text or any(part in ("", ".", "..") for part in text.split("/")):
        return Failure(f"{text[:80]!r} is not the path of one file, relative to the top of the repository")
    return Success(text)


TRUST_KEYS: dict[str, read.Decoder[Any]] = {
    "production-refs": read.deferred(_production_refs).about(
        "The refs that hold merged code, for '*', org/*, org/repo or host/org/repo."
    ),
    "unprotected-refs": read.boolean.about(
        "Whether a tag, or a ref listed through a *, is production although everybody may create it.", default=False
    ),
    "repository-hosts": read.deferred(_hosts).about("The hosts whose org/repo counts; Jenkins needs it."),
    "local-publishes": read.boolean.about("Whether builds outside CI push to registry.", default=False),
    "checkout-check": read.deferred(_checkout_check).about(
        "What the checkout of a production job may be beside the claimed commit."
    ),
}
"""The decoders of these keys; :mod:`image_builder_domain.configuration.keys` has all others."""
