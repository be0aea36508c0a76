"""Read everything that decisions are made of: configuration, git state, source, time. Nothing is decided here."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from image_builder_adapters.yaml_reader import read_flawed
from image_builder_domain.configuration import configuration
from image_builder_domain.git_state import CiSystem, detect, read_git_state
from image_builder_domain.inputs import EPOCH, Asked, TagInputs
from image_builder_domain.problem import problems_of, refuse
from returns.result import Result, Success

if TYPE_CHECKING:
    from image_builder_domain.build_inputs import Inputs, Source
    from image_builder_domain.problem import Problems

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def read_tag_inputs(flags: Mapping[str, Any], environment: Mapping[str, str]) -> TagInputs:
    """What tags are decided from."""
    file = flags["config"]
    return TagInputs(
        asked=_asked(flags),
        configuration=read_flawed(file).bind(lambda found: configuration(found[0], file, flaws=found[1])),
        git_state=read_git_state(environment, _commit(flags, environment), flags["repo"]),
        time=_time(environment),
        environment=environment,
    )


def read_inputs(flags: Mapping[str, Any], environment: Mapping[str, str]) -> "Inputs":
    """What a build is planned from."""
    from image_builder_domain.build_inputs import Inputs

    tags = read_tag_inputs(flags, environment)
    source = _source(flags)
    return Inputs(tags, source, _commit_time(tags, flags["context"] or "."))


def _commit(flags: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The working copy's commit; where the job says what is built, git is not even asked."""
    if detect(environment) is not CiSystem.LOCAL or environment.get("PULL_BASE_SHA"):
        return None
    from image_builder_adapters.git import working_copy_commit

    return working_copy_commit(flags["context"] or ".", environment)


def _asked(flags: Mapping[str, Any]) -> Asked:
    return Asked(
        name=flags["name"],
        tags=tuple(flags["tag"]),
        build_arguments=tuple(flags["build-arg"]),
        platforms=tuple(flags["platform"]),
        target=flags["target"],
        export_tags=flags["export-tags"],
    )


def _source(flags: Mapping[str, Any]) -> "Result[Source, Problems]":
    from image_builder_adapters.source_tree import find_dockerfile

    found = find_dockerfile(flags["context"] or ".", flags["dockerfile"])
    return found.bind(lambda place: _without_variants(*place))


def _without_variants(context: str, dockerfile: str) -> "Result[Source, Problems]":
    from image_builder_adapters.source_tree import has_variants
    from image_builder_domain.build_inputs import Source

    if has_variants(context, dockerfile):
        path = os.path.join(os.path.dirname(dockerfile), "variants.yaml")
        return refuse(path, "variants are not supported yet", "build from a folder without this file")
    return Success(Source(context, dockerfile))


def _commit_time(tags: TagInputs, context: str) -> int | None:
    """Only a reproducible build needs it, and git is asked only then."""
    if problems_of(tags.configuration) or problems_of(tags.git_state) or not tags.configuration.unwrap().reproducible:
        return None
    from image_builder_adapters.git import commit_time

    return commit_time(context, tags.git_state.unwrap().commit, tags.environment)


def _time(environment: Mapping[str, str]) -> datetime:
    """Now, or ``SOURCE_DATE_EPOCH``; a value that is no time is refused where it is needed."""
    epoch = environment.get(EPOCH, "")
    if epoch.isascii() and epoch.isdecimal() and len(epoch) < 12:
        return _EARLIEST + timedelta(seconds=int(epoch))
    return datetime.now(UTC)
