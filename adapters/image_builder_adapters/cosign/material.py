"""What a cosign signer needs, checked before the build: the program, keys, their password, files of a private Sigstore.

Nothing is sent: a key management service is asked only when there is something to sign.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from image_builder_domain.configuration.signer_settings import CosignSettings
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cosign.command import KEY_SERVICES, PASSWORD, key_service, public_key_command
from image_builder_adapters.process import find_program, search_path
from image_builder_adapters.secret_file import one_line, read_secret

Run: TypeAlias = Callable[[tuple[str, ...]], Result[tuple[str, ...], str]]
"""Runs a command that asks nobody; the lines of its output, or why it failed."""

Wrong: TypeAlias = tuple[str, str]
"""Where, and what is wrong there."""


def check_material(settings: CosignSettings, environment: Mapping[str, str], run: Run) -> Wrong | None:
    """The first thing that would make signing fail, None when there is nothing."""
    if find_program("cosign", environment) is None:
        return _missing(environment)
    checks = (_check_services, _check_key, _check_identity)
    return next((wrong for check in checks if (wrong := check(settings, environment, run)) is not None), None)


def check_verification(settings: CosignSettings, environment: Mapping[str, str]) -> Wrong | None:
    """The first thing that would make verifying fail: the program, the public key, the roots of trust."""
    if find_program("cosign", environment) is None:
        return _missing(environment)
    if settings.public_key is not None and isinstance(found := read_public_key(settings.public_key), Failure):
        return settings.public_key, found.failure()
    if settings.trusted_root is not None and isinstance(root := _json_object(settings.trusted_root), Failure):
        return settings.trusted_root, root.failure()
    return None


def _missing(environment: Mapping[str, str]) -> Wrong:
    what = f"there is no such program on PATH, which is {search_path(environment)}"
    return "cosign", f"{what}; install cosign 3 (https://docs.sigstore.dev)"


def read_identity_token(path: str) -> Result[str, str]:
    """The token, which its issuer renews in the file now and then."""
    return read_secret(path).bind(lambda text: one_line(text, "identity token"))


def _check_services(settings: CosignSettings, _: Mapping[str, str], __: Run) -> Wrong | None:
    for path in (settings.signing_config, settings.trusted_root):
        found = _json_object(path) if path is not None else Success({})
        if isinstance(found, Failure):
            return str(path), found.failure()
    if settings.transparency_log:
        return None
    if settings.identity_token_file is not None:
        reason = (
            "without a transparency log nothing proves when a keyless certificate, which lives for minutes, was used"
        )
        return "transparency-log", f"{reason}; remove the key, or sign with a key"
    config = _json_object(settings.signing_config).unwrap() if settings.signing_config is not None else {}
    if config.get("rekorTlogUrls"):
        return str(
            settings.signing_config
        ), "names a transparency log, but transparency-log is false; change one of them"
    return None


def _check_key(settings: CosignSettings, environment: Mapping[str, str], run: Run) -> Wrong | None:
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


def _check_key_file(key: str, public: bytes, environment: Mapping[str, str], run: Run) -> Wrong | None:
    readable = read_secret(key)
    if isinstance(readable, Failure):
        return key, readable.failure()
    if PASSWORD not in environment:
        return key, f"{PASSWORD} is not set; set it to the key's password, empty if it has none"
    lines = unwrap_or_failure(run(public_key_command(key)))
    if isinstance(lines, str):
        return key, f"cannot be used with the password in {PASSWORD}: {lines}"
    derived = unwrap_or_failure(_der("\n".join(lines)))
    if public and derived != public:
        return key, "is not the key that belongs to public-key; name the two halves of one pair"
    return None


def _check_identity(settings: CosignSettings, _: Mapping[str, str], __: Run) -> Wrong | None:
    path = settings.identity_token_file
    found = read_identity_token(path) if path is not None else Success("")
    return (str(path), found.failure()) if isinstance(found, Failure) else None


def read_public_key(path: str) -> Result[bytes, str]:
    """The DER of a PEM public key; for anybody to read, so its mode does not matter."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(1 << 20)
    except (OSError, ValueError) as error:
        return Failure(f"cannot be read: {getattr(error, 'strerror', None) or 'it is no PEM text'}")
    return _der(text)


def _der(text: str) -> Result[bytes, str]:
    _, begin, rest = text.partition("-----BEGIN PUBLIC KEY-----")
    body, end, _ = rest.partition("-----END PUBLIC KEY-----")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        der = b""
    return Success(der) if begin and end and der else Failure("holds no PEM block 'PUBLIC KEY'")


def _json_object(path: str) -> Result[dict[str, object], str]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(1 << 20))
    except OSError as error:
        return Failure(f"cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Failure("is no JSON of at most 1 MiB")
    return Success(found) if isinstance(found, dict) else Failure("holds no JSON object")
