"""A type of signer: how its configuration is read, and how its signers are made.

Packages register theirs as an entry point of the group ``image_builder.signers``. Its name is the value of ``type`` in
the configuration; it leads to a :class:`SignerType`. The built-in signers are registered the same way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, final

from image_builder_domain.configuration.decoder import Decoder
from image_builder_domain.ports import Signer, Verifier


class Secrets(Protocol):
    """Hides secrets in everything that this run puts out.

    Takes   ``learn``: a secret that a signer read or fetched, hidden from then on. ``text``, ``data``: foreign text.
    Gives   the same without the secrets known so far.
    Fails   never.
    """

    def learn(self, secret: str) -> None: ...  # noqa: D102 (said above)
    def text(self, text: str) -> str: ...  # noqa: D102
    def data(self, data: bytes) -> bytes: ...  # noqa: D102


@final
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a signer may know of the run: the tool's own environment (not to be shown), and what hides secrets."""

    environment: Mapping[str, str] = field(repr=False)
    secrets: Secrets


SignerMaker: TypeAlias = Callable[[str, Any, Surroundings], Signer]
"""Makes a signer of its name, the settings that the type's own decoder gave, and the surroundings. Opens nothing."""

VerifierMaker: TypeAlias = Callable[[str, Any, Surroundings], Verifier]
"""Makes the verifier of such a signer's signatures, from the same values. Opens nothing."""


@final
@dataclass(frozen=True, slots=True)
class SignerType:
    """``config`` reads the key ``config`` of a signer and gives its ``SignerSettings``; ``make`` makes the signer.

    ``make_verifier`` is for types whose signatures can be looked up with the configuration alone. ``secrets`` takes the
    settings and gives the secrets that they lead to. It never fails, and skips what it cannot read. The secrets of
    every defined signer are hidden before a build, even if it will not sign.
    """

    config: Decoder[Any]
    make: SignerMaker
    make_verifier: VerifierMaker | None = None
    secrets: Callable[[Any], Iterable[str]] | None = None
