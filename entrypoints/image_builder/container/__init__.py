"""The composition root: the only package that knows the adapters, apart from ``cancellation``, ``redaction`` and
``console_text``, which work on values of this process and reach nothing outside of it.

This module supplies what every mode reads. It loads little, because printing tags must start fast. ``runs`` supplies
what is carried out, ``examination`` what ``doctor`` looks with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, final

from image_builder_adapters.configuration_file import YamlConfigurationFile
from image_builder_adapters.git.working_copy import GitWorkingCopy
from image_builder_adapters.job_surroundings import find_place, read_event
from image_builder_adapters.plugins import ENGINE_CHOICE, engines, signers
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.yaml_reader import parse_document

from image_builder.reading import Sources

if TYPE_CHECKING:
    from image_builder_domain.artifacts import EvidenceFiles
    from image_builder_domain.configuration.keys import Configuration
    from image_builder_domain.ports import SourceTree
    from image_builder_domain.problem import Problems
    from returns.result import Result


__all__ = [
    "Settings",
    "configuration_schema",
    "open_evidence_files",
    "open_sources",
    "parse_document",
    "secrets_of_environment",
    "secrets_of_signers",
]


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """What the adapters need to know. ``environment`` is the tool's own, ``context`` the build context's folder."""

    environment: Mapping[str, str] = field(repr=False)
    log_directory: str
    state_directory: str
    redactor: Redactor
    context: str | None = None


def open_sources(configuration_file: str, context: str, environment: Mapping[str, str]) -> Sources:
    """Everything that a run reads; opens nothing yet."""
    table = engines()
    return Sources(
        place=find_place(),
        event=partial(read_event, environment.get("GITHUB_EVENT_PATH", "")),
        configuration_file=YamlConfigurationFile(configuration_file, table, signers()),
        engines=table,
        engine_choice=ENGINE_CHOICE,
        working_copy=GitWorkingCopy(context, environment),
        source_tree=partial(_source_tree, context),
        file=_file,
        can_ask_for_token=partial(_can_ask_for_token, environment),
    )


def _source_tree(context: str) -> "SourceTree":
    from image_builder_adapters.source_tree import FolderSourceTree

    return FolderSourceTree(context)


def _file(path: str, remedy: str) -> "Result[bytes, Problems]":
    from image_builder_adapters.files import read_file

    return read_file(path, remedy)


def _can_ask_for_token(environment: Mapping[str, str]) -> bool:
    from image_builder_adapters.azure_devops.identity_token import can_ask

    return can_ask(environment)


def open_evidence_files(log_directory: str, redactor: Redactor, context: str) -> "EvidenceFiles":
    """What writes logs, reports and output files; opens nothing yet."""
    from image_builder_adapters.artifacts import FileArtifacts

    return FileArtifacts(log_directory, redactor, context)


def secrets_of_environment(environment: Mapping[str, str]) -> Iterable[str]:
    """Every secret that the environment leads to."""
    from image_builder_adapters.known_secrets import known_secrets

    return known_secrets(environment)


def secrets_of_signers(configuration: "Configuration") -> tuple[str, ...]:
    """The secrets of all signers of a configuration, also of those that do not sign in this job."""
    types = signers()
    readers = ((types[signer.type].secrets, signer.settings) for signer in configuration.signers)
    return tuple(secret for read, settings in readers if read is not None for secret in read(settings))


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, with every signer and engine that is installed."""
    from image_builder_domain.configuration.keys import schema

    return schema(engines(), signers())
