"""An engine that makes an image of a tar file: how its settings are read, and how it is made."""

from typing import Any

from image_builder_domain.configuration import decoder as read
from image_builder_domain.engine_type import EngineSurroundings, EngineType
from image_builder_domain.image.platform import Platform

from tar_engine.engine import TarEngine
from tar_engine.settings import TarSettings


def _settings(values: dict[str, Any]) -> TarSettings:
    return TarSettings(values["layouts"], values.get("platform", Platform("linux", "amd64")))


CONFIG = read.fields(
    {
        "layouts": read.text.about("The folder that gets an OCI layout of each image."),
        "platform": read.text.parsed(Platform.parse).about("What the tar file is for.", default="linux/amd64"),
    },
    ("layouts",),
).into(_settings)


def _make(settings: TarSettings, around: EngineSurroundings) -> TarEngine:
    return TarEngine(settings, around.environment, around.secrets)


TAR = EngineType(CONFIG, _make)
