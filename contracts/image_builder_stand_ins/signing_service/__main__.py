"""The signing service as a command, for demos and for trying a configuration by hand."""

import argparse
import json
import secrets
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, final

from image_builder_stand_ins.command import Session, parser, run, write_whole
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.server import SigningService
from image_builder_stand_ins.signing_service.state import ServiceOptions

_DESCRIPTION = "A local signing service that speaks the wire protocols of notary services and keeps what it receives."
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
    return run("signing_service", chosen.folder, output, lambda session: _serve(chosen, session))


def _serve(chosen: argparse.Namespace, session: Session) -> None:
    folder = session.folder
    prepared = prepare(folder, Protocol(chosen.protocol), chosen.listen, chosen.token_file, chosen.signify)
    with SigningService.start(prepared.options) as service:
        if prepared.options.payload is not None:
            write_whole(folder / "signify.yaml", signify_secret(service.token_url, prepared.options.payload))
        session.serve({"url": service.url, "control_url": service.control_url, **prepared.files})


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
    from image_builder_stand_ins.certificates import mutual_tls  # needs cryptography, which v1 can do without

    made = mutual_tls()
    ca, secret = folder / "ca.pem", folder / "client-secret.json"
    write_whole(ca, made.authority.certificate)
    write_whole(secret, made.authority.issue_client().as_secret())
    return made.server_context, ca, secret


def _parser() -> argparse.ArgumentParser:
    made = parser("signing_service", _DESCRIPTION, _EPILOG)
    made.add_argument("--protocol", choices=[protocol.value for protocol in Protocol], default=Protocol.V1.value)
    made.add_argument("--token-file", type=Path, metavar="FILE", help="the token that v1 asks for (default: made)")
    made.add_argument("--signify", action="store_true", help="v1 with a token service: secrets of type signify")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
