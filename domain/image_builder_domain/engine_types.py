"""The engines that are built in, each with its settings and their decoder (specification, section 6).

They have no keys: everything that they need is in the environment. An engine from another package brings a decoder of
its own, made of :mod:`image_builder_domain.decoder`, that gives any
:class:`~image_builder_domain.engine_type.EngineSettings`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from image_builder_domain import decoder as read
from image_builder_domain.engine_limits import buildkit_refusal, kaniko_refusal

if TYPE_CHECKING:
    from image_builder_domain.build import BuildRequest
    from image_builder_domain.engine_type import EngineSettings


@final
@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The settings of an engine of ours (an ``EngineSettings``): none but ``limits``, what it cannot be told."""

    limits: "Callable[[BuildRequest], str | None]"

    def refusal(self, request: "BuildRequest") -> str | None:
        """What of this request the engine cannot honour."""
        return self.limits(request)


BUILT_IN: "Final[Mapping[str, BuiltIn]]" = {"kaniko": BuiltIn(kaniko_refusal), "buildkit": BuiltIn(buildkit_refusal)}
"""The settings of the built-in engines by the name that ``--backend`` says."""


def _without_keys(settings: BuiltIn) -> "read.Decoder[EngineSettings]":
    return read.fields({}).into(lambda _: settings).about("It has none.")


ENGINE_TYPES: "Final[Mapping[str, read.Decoder[EngineSettings]]]" = {
    name: _without_keys(settings) for name, settings in BUILT_IN.items()
}
"""The decoders of ``engines.NAME`` of the built-in engines."""
