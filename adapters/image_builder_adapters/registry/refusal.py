"""What it means that a registry gives no usable answer: a cause of its own for each, with what to do. Pure."""

import re
from typing import Final

from image_builder_domain.failure import (
    AccessDenied,
    BadAnswer,
    Denial,
    Login,
    NotFound,
    RegistryFailure,
    RegistryUnreachable,
)
from image_builder_domain.image.reference import DOCKER_HUB, Repository

from image_builder_adapters.http.client import HttpAnswer, NoAnswer, NoAnswerKind
from image_builder_adapters.http.retry import TRANSIENT_STATUSES

# OpenSSL's texts for a chain that ends at nobody whom we trust (crypto/x509/x509_txt.c).
_UNKNOWN_AUTHORITY: Final = re.compile(r"issuer certificate|self[- ]signed|unable to verify the first|unknown ca")
_AUTHORITY: Final = (
    "its authority is unknown here: name a file with the authority's certificate in SSL_CERT_FILE, "
    "or a folder with it in SSL_CERT_DIR"
)
_NETWORK: Final = "check the registry's name, the network and the proxy variables (HTTPS_PROXY, NO_PROXY)"
_HINTS: Final = {
    NoAnswerKind.TRANSIENT: _NETWORK,
    NoAnswerKind.CERTIFICATE: "check the registry's name and its certificate",
    NoAnswerKind.UNUSABLE_REQUEST: "fix it, and run again",
    NoAnswerKind.UNUSABLE_ANSWER: "check the registry's name and the proxy variables",
    NoAnswerKind.STOPPED: "run again",
}


def login_host(repository: Repository) -> str:
    """What ``docker login`` takes for this repository."""
    return "docker.io" if repository.domain == DOCKER_HUB else repository.domain


def no_answer(failure: NoAnswer, shown: str, place: str = "") -> RegistryUnreachable:
    """The failure without any answer; ``place`` is in front of the reason, such as ``token service: ``."""
    is_certificate, reason = failure.kind is NoAnswerKind.CERTIFICATE, failure.reason.lower()
    if is_certificate and reason.startswith("ssl_cert_"):
        hint = "fix that variable, or unset it"
    elif is_certificate and _UNKNOWN_AUTHORITY.search(reason):
        hint = _AUTHORITY
    else:
        hint = _HINTS[failure.kind]
    return RegistryUnreachable(shown, f"{place}{failure}", hint)


def busy(answer: HttpAnswer, shown: str, words: str, login: Login) -> RegistryUnreachable:
    """The failure for an answer that may be another one later. ``words`` are the registry's."""
    if answer.status != 429:
        return RegistryUnreachable(shown, words)
    asked = (answer.header("Retry-After") or "").strip()
    pause = f"for {asked} s" if asked.isascii() and asked.isdigit() and len(asked) < 7 else "a while"
    other = f"run {login.command} with another account" if login.source else f"run {login.command}"
    return RegistryUnreachable(shown, words, f"it limits requests: wait {pause}, or {other} for a higher limit")


def unread(answer: HttpAnswer, shown: str, words: str, login: Login) -> RegistryFailure:
    """The failure of reading ``shown``, whose answer is not 200. ``words`` are the registry's."""
    match answer.status:
        case 404:
            return NotFound(shown, words, login)
        case 401 | 403:
            return AccessDenied(shown, words, Denial.NO_RIGHTS if login.source else Denial.NO_CREDENTIALS, login)
        case status if status in TRANSIENT_STATUSES:
            return busy(answer, shown, words, login)
        case _:
            return BadAnswer(shown, words)
