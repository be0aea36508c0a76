"""The engines that are built in, each with its settings and their decoder (specification, section 6).

An engine from another package brings its own decoder, made of :mod:`image_builder_domain.configuration.decoder`. It
returns any :class:`~image_builder_domain.engine_type.EngineSettings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from image_builder_domain.buildkit_address import parse_address
from image_builder_domain.buildkit_host import BuildkitKeys
from image_builder_domain.configuration import decoder as read
from image_builder_domain.engine_limits import kaniko_refusal

if TYPE_CHECKING:
    from image_builder_domain.build import BuildRequest
    from image_builder_domain.engine_type import EngineSettings


@final
@dataclass(frozen=True, slots=True)
class KanikoKeys:
    """The settings of kaniko (an ``EngineSettings``): there are none, but it cannot build everything."""

    def refusal(self, request: "BuildRequest") -> str | None:
        """Implement ``EngineSettings.refusal``."""
        return kaniko_refusal(request)


BUILT_IN: "Final[Mapping[str, EngineSettings]]" = {"kaniko": KanikoKeys(), "buildkit": BuildkitKeys()}
"""The settings that a built-in engine has without any key, by the name that ``--backend`` says."""

_ADDRESS: Final = read.plain_text.parsed(parse_address, "write what buildctl --addr takes")


def _buildkit() -> "read.Decoder[EngineSettings]":
    keys = read.fields(
        {
            "host": _ADDRESS.about("The address of the BuildKit that builds production images."),
            "dev-host": _ADDRESS.about("The address of the BuildKit that builds unmerged code; another daemon."),
            "shared": read.boolean.about(
                "Whether both build in one daemon all the same: production then builds without cache.", default=False
            ),
        }
    )
    return keys.into(lambda found: BuildkitKeys(found.get("host"), found.get("dev-host"), found.get("shared", False)))


ENGINE_TYPES: "Final[Mapping[str, read.Decoder[EngineSettings]]]" = {
    "kaniko": read.fields({}).into(lambda _: BUILT_IN["kaniko"]).about("It has none."),
    "buildkit": read.deferred(_buildkit).about("Which BuildKit builds for which side."),
}
"""The decoders of ``engines.NAME`` of the built-in engines."""
