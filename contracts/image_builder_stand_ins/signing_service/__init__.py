"""A local signing service: what a notary service does on the wire, without the notary.

Protocol v1 is plain HTTP with ``Authorization: Token …`` (or none, or ``Bearer …`` with a token from the token service
beside it) and answers 200; v2 is mutual TLS (1.2 or newer) and answers 202. A request that is not exactly right gets
400 with the reason, a wrong token 401. What was accepted is kept, and can be read back. As a command::

    python -m image_builder_stand_ins.signing_service --protocol v2 --folder /tmp/signing
"""

from image_builder_stand_ins.signing_service.server import SigningService

__all__ = ["SigningService"]
