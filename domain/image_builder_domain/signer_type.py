"""A type of signers: how its configuration is read, and how its signers are made.

Packages register theirs as an entry point of the group ``image_builder.signers``, named as the configuration's ``type``
and leading to a :class:`SignerType`; ours are registered the same way.
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
    """What a signer may know of the run: the tool's own environment (not to be shown), and who hides secrets."""

    environment: Mapping[str, str] = field(repr=False)
    secrets: Secrets


SignerMaker: TypeAlias = Callable[[str, Any, Surroundings], Signer]
"""Makes a signer of its name, the settings that the type's own decoder gave, and the surroundings. Opens nothing."""

VerifierMaker: TypeAlias = Callable[[str, Any, Surroundings], Verifier]
"""Makes who looks the signatures of such a signer up; takes the same. Opens nothing."""


@final
@dataclass(frozen=True, slots=True)
class SignerType:
    """``config`` reads the key ``config`` of a signer and gives its ``SignerSettings``; ``make`` makes the signer.

    ``make_verifier`` is there when signatures of this type can be looked up, by whoever has the configuration.
    ``secrets`` gives the secrets that settings lead to: every signer's are hidden before a build, also of those that
    will not sign. It takes the settings, never fails, and skips what cannot be read.
    """

    config: Decoder[Any]
    make: SignerMaker
    make_verifier: VerifierMaker | None = None
    secrets: Callable[[Any], Iterable[str]] | None = None
