"""The signing service as a command, for demos and for trying a configuration by hand."""

import argparse
import contextlib
import ipaddress
import json
import os
import secrets
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, final

from image_builder_stand_ins.signing_protocol import Protocol
from image_builder_stand_ins.signing_server import SigningService
from image_builder_stand_ins.signing_state import ServiceOptions

_STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_EPILOG = """\
DIR holds, once DIR/ready.json is there: received.jsonl (one line for each accepted request), for v1 token (the secret
of 'type: token'), or with --signify signify.yaml (that of 'type: signify'), for v2 ca.pem and client-secret.json (the
secret of 'type: mtls'). Exit code: 0 after SIGINT or SIGTERM, 2 when it cannot start."""


@final
@dataclass(frozen=True, slots=True)
class Prepared:
    """A service's options, and what ``ready.json`` says of the files that go with them."""

    options: ServiceOptions
    files: dict[str, str]


def main(arguments: Sequence[str], output: TextIO = sys.stdout) -> int:
    """Run until SIGINT or SIGTERM. Exit code: 0 stopped, 2 cannot start."""
    chosen = _parser().parse_args(arguments)
    try:
        with stop_signals_blocked(), tempfile.TemporaryDirectory(prefix="signing-") as spare:
            folder = chosen.folder or Path(spare)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / "ready.json").unlink(missing_ok=True)
            prepared = prepare(folder, Protocol(chosen.protocol), chosen.listen, chosen.token_file, chosen.signify)
            with SigningService.start(prepared.options) as service:
                if prepared.options.payload is not None:
                    write_whole(folder / "signify.yaml", signify_secret(service.token_url, prepared.options.payload))
                ready = json.dumps({"url": service.url, "control_url": service.control_url, **prepared.files})
                write_whole(folder / "ready.json", (ready + "\n").encode())
                output.write(ready + "\n")
                output.flush()
                signal.sigwait(_STOP_SIGNALS)
    except (OSError, ValueError, ImportError) as error:
        sys.stderr.write(f"signing_service: {error}\n")
        return 2
    return 0


def prepare(
    folder: Path, protocol: Protocol, listen: tuple[str, int], token_file: Path | None, signify: bool = False
) -> Prepared:
    """Make the files that the service and its clients need. Raises ``OSError``, ``ValueError`` or ``ImportError``."""
    journal = folder / "received.jsonl"
    journal.write_bytes(b"")
    options = ServiceOptions(protocol, *listen, journal=journal)
    files = {"protocol": protocol.value, "received": str(journal)}
    if protocol is Protocol.V1:
        secret = token_file or folder / "token"
        if token_file is None:
            write_whole(secret, secrets.token_urlsafe(32).encode() + b"\n")
        token = secret.read_text(encoding="utf-8").strip()
        if not token:
            raise ValueError(f"{secret}: holds no token")
        if signify:
            payload = json.dumps({"client": "image-builder", "client_secret": secrets.token_urlsafe(32)})
            secret, kind = folder / "signify.yaml", "signify"  # written when the port is known
            return Prepared(
                replace(options, token=token, payload=payload), files | {"secret": str(secret), "secret_type": kind}
            )
        return Prepared(replace(options, token=token), files | {"secret": str(secret), "secret_type": "token"})
    if signify:
        raise ValueError("--signify is for --protocol v1; v2 knows its clients by their certificates")
    if token_file is not None:
        raise ValueError("--token-file is for --protocol v1; v2 knows its clients by their certificates")
    context, ca, secret = _mutual_tls_files(folder)
    return Prepared(
        replace(options, tls=context), files | {"secret": str(secret), "secret_type": "mtls", "ca": str(ca)}
    )


def signify_secret(token_url: str, payload: str) -> bytes:
    """The secret file of ``type: signify``; JSON is YAML."""
    return json.dumps({"endpoint": token_url, "payload": payload}).encode() + b"\n"


def _mutual_tls_files(folder: Path) -> tuple[ssl.SSLContext, Path, Path]:
    from image_builder_stand_ins.tls import mutual_tls  # needs cryptography, which v1 can do without

    made = mutual_tls()
    ca, secret = folder / "ca.pem", folder / "client-secret.json"
    write_whole(ca, made.authority.certificate)
    write_whole(secret, made.authority.issue_client().as_secret())
    return made.server_context, ca, secret


def write_whole(path: Path, content: bytes) -> None:
    """Write for the owner's eyes only, and whole: whoever waits for the file never reads half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)


@contextlib.contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Keep the signals for ``sigwait``; blocked before any thread starts, so that no thread is hit by one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def address(text: str) -> tuple[str, int]:
    """``ADDRESS:PORT`` on loopback, for ``argparse``: raises its ``ArgumentTypeError``."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT, such as 127.0.0.1:0") from None
    if not loopback:
        raise argparse.ArgumentTypeError(f"{host} is not loopback; this service is for this machine only")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{port!r} is no port; give a number below 65536, 0 for any free one")
    return host, int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_builder_stand_ins.signing_service",
        description="A local signing service that speaks a notary service's wire protocols and keeps what it is told.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--listen", type=address, default=("127.0.0.1", 0), metavar="ADDRESS:PORT", help="default: 127.0.0.1:0"
    )
    parser.add_argument("--protocol", choices=[protocol.value for protocol in Protocol], default=Protocol.V1.value)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where its files go (default: a temporary one)")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the token that v1 asks for (default: made)")
    parser.add_argument("--signify", action="store_true", help="v1 with a token service: secrets of type signify")
    return parser
