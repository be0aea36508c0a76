"""The checks of a cosign signer before the build: the program, keys, their password, files of a private Sigstore.

Nothing is sent: a key management service is used only when there is something to sign.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TypeAlias

from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cosign.command import KEY_SERVICES, PASSWORD, key_service, public_key_command
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.files import one_line, read_regular, read_secret
from image_builder_adapters.process import find_program, search_path

Run: TypeAlias = Callable[[tuple[str, ...]], Result[tuple[str, ...], str]]
"""Runs a command that uses no network: the lines of its output, or why it failed."""

Problem: TypeAlias = tuple[str, str]
"""The path or setting, and what is wrong with it."""


def check_material(settings: CosignSettings, environment: Mapping[str, str], run: Run) -> Problem | None:
    """The first problem that would make signing fail; None without one."""
    return (
        _check_program(environment)
        or _check_services(settings)
        or _check_key(settings, environment, run)
        or _check_file(settings.identity_token_file, read_identity_token)
    )


def check_verification(settings: CosignSettings, environment: Mapping[str, str]) -> Problem | None:
    """The first problem that would make verifying fail: the program, the public key, the roots of trust."""
    return (
        _check_program(environment)
        or _check_file(settings.public_key, read_public_key)
        or _check_file(settings.trusted_root, _json_object)
    )


def read_identity_token(path: str) -> Result[str, str]:
    """The token; its issuer replaces it in the file from time to time."""
    return read_secret(path).bind(lambda text: one_line(text, "identity token"))


def read_public_key(path: str) -> Result[bytes, str]:
    """The DER of a PEM public key."""
    return _content(path).bind(lambda content: _der(content.decode("ascii", "replace")))


def _check_program(environment: Mapping[str, str]) -> Problem | None:
    if find_program("cosign", environment) is not None:
        return None
    reason = f"program not found on PATH, which is {search_path(environment)}"
    return "cosign", f"{reason}; install cosign 3 (https://docs.sigstore.dev)"


def _check_file(path: str | None, read: Callable[[str], Result[object, str]]) -> Problem | None:
    content = read(path) if path is not None else None
    return (str(path), content.failure()) if isinstance(content, Failure) else None


def _check_services(settings: CosignSettings) -> Problem | None:
    problem = _check_file(settings.signing_config, _json_object) or _check_file(settings.trusted_root, _json_object)
    if problem is not None or settings.transparency_log:
        return problem
    if settings.identity_token_file is not None:
        reason = "a keyless certificate lives for minutes, and only a transparency log proves when it was used"
        return "transparency-log", f"{reason}; remove the key, or sign with a key"
    config = _json_object(settings.signing_config).unwrap() if settings.signing_config is not None else {}
    if config.get("rekorTlogUrls"):
        reason = "names a transparency log, but transparency-log is false; change one of them"
        return str(settings.signing_config), reason
    return None


def _check_key(settings: CosignSettings, environment: Mapping[str, str], run: Run) -> Problem | None:
    if settings.key is None:
        return None
    public = read_public_key(settings.public_key) if settings.public_key is not None else Success(b"")
    if isinstance(public, Failure):
        return str(settings.public_key), public.failure()
    service = key_service(settings)
    if service is not None:
        known = " or ".join(f"{name}://" for name in KEY_SERVICES)
        return None if service in KEY_SERVICES else (settings.key, f"is neither a file nor a key of {known}")
    return _check_key_file(settings.key, public.unwrap(), environment, run)


def _check_key_file(key: str, public: bytes, environment: Mapping[str, str], run: Run) -> Problem | None:
    readable = read_secret(key)
    if isinstance(readable, Failure):
        return key, readable.failure()
    if PASSWORD not in environment:
        return key, f"{PASSWORD} is not set; set it to the key's password, or to nothing if it has none"
    lines = unwrap_or_failure(run(public_key_command(key)))
    if isinstance(lines, str):
        return key, f"cannot be used with the password in {PASSWORD}: {lines}"
    derived = unwrap_or_failure(_der("\n".join(lines)))
    if public and derived != public:
        return key, "does not belong to public-key; name the two keys of one pair"
    return None


def _der(text: str) -> Result[bytes, str]:
    _, begin, rest = text.partition("-----BEGIN PUBLIC KEY-----")
    body, end, _ = rest.partition("-----END PUBLIC KEY-----")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        der = b""
    return Success(der) if begin and end and der else Failure("does not contain a PEM block 'PUBLIC KEY'")


def _json_object(path: str) -> Result[dict[str, object], str]:
    return _content(path).bind(json_object)


def _content(path: str) -> Result[bytes, str]:
    return read_regular(path).map(lambda file: file.content).alt(str)
