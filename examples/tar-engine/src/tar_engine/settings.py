"""What the configuration says of the engine, and what the engine says that it cannot do."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.build import BuildRequest
from image_builder_domain.image.platform import Platform


@final
@dataclass(frozen=True, slots=True)
class TarSettings:
    """Where layouts go, and the platform of every image."""

    layouts: str
    platform: Platform

    def refusal(self, request: BuildRequest) -> str | None:
        """The first thing of a request that would be dropped in silence."""
        unheard = (
            (bool(request.arguments), "build arguments mean nothing to a tar file"),
            (request.target is not None, "a tar file has no stages"),
            (bool(request.cache.imports or request.cache.exports), "a tar file needs no layer cache"),
            (request.source_date_epoch is not None, "the times in a tar file stay as they are: it is not reproducible"),
            (request.platforms not in ((), (self.platform,)), f"the tar file is for {self.platform} alone"),
        )
        return next((reason for is_asked, reason in unheard if is_asked), None)
