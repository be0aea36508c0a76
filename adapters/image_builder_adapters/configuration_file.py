"""The administrators' configuration file, written in YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from image_builder_domain.configuration.keys import Configuration, configuration

from image_builder_adapters.yaml_reader import read_flawed

if TYPE_CHECKING:
    from image_builder_domain.engine_type import EngineType
    from image_builder_domain.problem import Problems
    from image_builder_domain.signer_type import SignerType
    from returns.result import Result


@final
@dataclass(frozen=True, slots=True)
class YamlConfigurationFile:
    """The configuration file at ``path``; ``engines`` and ``signers`` read the settings of their own."""

    path: str
    engines: "Mapping[str, EngineType]"
    signers: "Mapping[str, SignerType]"

    def read(self) -> "Result[Configuration, Problems]":
        """Implement ``ConfigurationFile.read``."""
        return read_flawed(self.path).bind(
            lambda found: configuration(found[0], self.path, flaws=found[1], engines=self.engines, signers=self.signers)
        )
