"""The engines that are built in, each with the decoder of its settings (specification, section 6).

They have none: everything that they need is in the environment. An engine from another package brings a decoder of its
own, made of :mod:`image_builder_domain.decoder`, that gives any
:class:`~image_builder_domain.engine_type.EngineSettings`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, final

from image_builder_domain import decoder as read

if TYPE_CHECKING:
    from image_builder_domain.build import BuildRequest
    from image_builder_domain.engine_type import EngineSettings


@final
class BuiltIn:
    """The settings of an engine of ours: what it cannot do is decided where the request is made."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BuiltIn)

    def __hash__(self) -> int:
        return hash(BuiltIn)

    def refusal(self, request: "BuildRequest") -> str | None:  # noqa: ARG002 (an EngineSettings)
        """Nothing."""
        return None


NO_SETTINGS: Final = read.fields({}).into(lambda _: BuiltIn()).about("It has none.")
"""``engines.NAME`` of an engine without settings."""

ENGINE_TYPES: "Final[Mapping[str, read.Decoder[EngineSettings]]]" = {"kaniko": NO_SETTINGS, "buildkit": NO_SETTINGS}
"""The built-in engines by the name that ``--backend`` says."""
