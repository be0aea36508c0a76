"""The engine: reads the tar file, writes a layout, pushes to every repository by digest."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    EngineMissing,
    PushFailed,
)
from image_builder_domain.ports import BuildProgress, Cancellation
from image_builder_domain.signer_type import Secrets
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from tar_engine.image import Image, read_image, write_layout
from tar_engine.push import Pusher
from tar_engine.settings import TarSettings


@final
class TarEngine:
    """Implements ``ImageEngine``. Starts no process; safe to use from several threads."""

    def __init__(self, settings: TarSettings, environment: Mapping[str, str], secrets: Secrets) -> None:
        self._settings = settings
        self._pusher = Pusher(environment, secrets)

    def check(self) -> Result[None, EngineMissing]:
        """Whether layouts can be written: the folder, or the one in which it will be made."""
        folder = Path(self._settings.layouts).absolute()
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK):
            return Success(None)
        return Failure(EngineMissing(self._settings.layouts, "name another folder in engines.tar", "cannot be written"))

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """No program runs, so this is what a person needs to know."""
        return ("tar-engine", request.context, "to", str(self._layout(request)), *map(str, request.repositories))

    def at_once(self) -> int | None:
        """No limit: each image has a layout of its own."""
        return None

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Read, write, push; between and during the requests the cancellation is heard."""
        reason = cancellation.reason()
        if reason is not None:
            return Failure(BuildInterrupted(reason))
        unheard = self._settings.refusal(request)
        if unheard is not None:
            return Failure(BuildFailed(unheard))
        made = unwrap_or_failure(read_image(request, self._settings.platform))
        if not isinstance(made, Image):
            return Failure(BuildFailed(made))
        progress.output(f"image {made.descriptor.digest} with a layer of {made.blobs[1][0].size} bytes\n".encode())
        folder = self._layout(request)
        try:
            write_layout(made, folder)
        except OSError as error:
            return Failure(BuildFailed(f"{folder}: cannot be written: {error.strerror}"))
        progress.output(f"layout {folder}\n".encode())
        return self._pushed(made, request, progress, cancellation)

    def close(self) -> None:
        """Close the connections."""
        self._pusher.close()

    def _pushed(
        self, image: Image, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        for place in request.repositories:
            pushed = self._pusher.push(image, place, cancellation)
            reason = cancellation.reason()
            if reason is not None:
                return Failure(BuildInterrupted(reason))
            if isinstance(pushed, Failure):
                return Failure(PushFailed(pushed.failure(), digest=image.descriptor.digest))
            progress.output(f"pushed {place}@{image.descriptor.digest}\n".encode())
        return Success(BuiltImage(image.descriptor, self._settings.platform))

    def _layout(self, request: BuildRequest) -> Path:
        variant = f"_{request.variant}" if request.variant is not None else ""
        return Path(self._settings.layouts, f"{request.name.replace('/', '-')}{variant}")
