"""Read everything that decisions are made of: configuration, git state, source, time. Nothing is decided here."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from image_builder_adapters.place import find_place
from image_builder_adapters.yaml_reader import read_flawed
from image_builder_domain.configuration.file import configuration
from image_builder_domain.job.detection import detect, git_question, read_git_state, read_without_commit
from image_builder_domain.job.state import CiSystem
from image_builder_domain.plan.inputs import Asked, TagInputs, source_date_epoch
from image_builder_domain.problem import problems_of
from image_builder_domain.trust.configuration_origin import Origin, origin_of

from image_builder.options import Options

if TYPE_CHECKING:
    from image_builder_domain.configuration.decoder import Decoder
    from image_builder_domain.configuration.file import Configuration
    from image_builder_domain.configuration.signer_settings import SignerSettings
    from image_builder_domain.engine_type import EngineSettings
    from image_builder_domain.job.state import GitState
    from image_builder_domain.plan.build_inputs import Inputs, Source
    from image_builder_domain.problem import Problems
    from image_builder_domain.trust.checkout import CheckoutFacts
    from image_builder_domain.trust.history import History
    from returns.result import Result

# What reading the configuration need not look for elsewhere.
_BUILT_IN = ("kaniko", "buildkit", "ado")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def read_tag_inputs(options: Options, environment: Mapping[str, str]) -> TagInputs:
    """What tags are decided from."""
    return _inputs(options, environment, _git_state(options, environment), (options.context or ".",))


def read_settings(options: Options, environment: Mapping[str, str]) -> TagInputs:
    """The same for modes that build nothing: outside CI they need no commit, and so no working copy."""
    if detect(environment, find_place()) is not CiSystem.LOCAL:
        return _inputs(options, environment, _git_state(options, environment))
    return _inputs(options, environment, read_without_commit(environment, options.repo))


def _inputs(
    options: Options,
    environment: Mapping[str, str],
    state: "Result[GitState, Problems]",
    sources: tuple[str, ...] = (),
) -> TagInputs:
    """``sources`` are folders whose files a commit chooses even where they are no checkout."""
    found = _configuration(options.config, options.backend)
    context = options.context or "."
    history = _history(context, environment, found, state)
    origin = _origin(options.config, context, sources, environment, state)
    return TagInputs(_asked(options), found, state, _time(environment), environment, history, origin)


def _origin(
    file: str,
    context: str,
    sources: tuple[str, ...],
    environment: Mapping[str, str],
    state: "Result[GitState, Problems]",
) -> Origin:
    """Where the configuration file lies; a job outside CI may use any."""
    if problems_of(state) or state.unwrap().system is CiSystem.LOCAL:
        return Origin.APART
    from image_builder_adapters.git.checkout_place import find_checkout, holds, lies_in_checkout
    from image_builder_domain.trust.checkout import workspace

    known = state.unwrap()
    folder = workspace(known, environment)
    if not sources:
        return origin_of(known.system, environment, is_held=lies_in_checkout(file, folder))
    places = (*sources, folder) if folder else sources
    return origin_of(known.system, environment, is_held=holds(file, find_checkout(context, folder), places))


def _history(
    context: str,
    environment: Mapping[str, str],
    configuration: "Result[Configuration, Problems]",
    state: "Result[GitState, Problems]",
) -> "History":
    """On which branches the job's commit lies; git is asked only where that decides the side of the job."""
    if problems_of(configuration) or problems_of(state):
        return {}
    from image_builder_domain.trust.decision import history_questions

    known = state.unwrap()
    questions = history_questions(configuration.unwrap(), known)
    if not questions or known.commit is None:
        return {}
    from image_builder_adapters.git.checkout import read_history
    from image_builder_adapters.git.checkout_place import find_checkout
    from image_builder_domain.trust.checkout import workspace

    directory = find_checkout(context, workspace(known, environment))
    return read_history(directory, known.commit, questions, environment)


def read_inputs(options: Options, environment: Mapping[str, str]) -> "Inputs":
    """What a build is planned from."""
    from image_builder_domain.plan.build_inputs import Inputs

    tags = read_tag_inputs(options, environment)
    source, context = _source(options), options.context or "."
    checkout = read_checkout(tags, context, source.map(lambda found: found.dockerfile).value_or(""))
    time = _commit_time(tags, context)
    return Inputs(tags, source, time, len(os.sched_getaffinity(0)), real_paths_of(tags), checkout)


def real_paths_of(inputs: TagInputs) -> dict[str, str]:
    """The sockets of every BuildKit that the configuration or the environment names, with their real paths."""
    from image_builder_adapters.buildkit.real_path import real_paths
    from image_builder_domain.buildkit_host import VARIABLE, BuildkitKeys

    keys = inputs.configuration.map(lambda found: found.engines.get("buildkit")).value_or(None)
    if not isinstance(keys, BuildkitKeys):
        return {}  # without a key there is nothing to compare
    return real_paths((keys.host, keys.dev_host, inputs.environment.get(VARIABLE)))


def read_checkout(tags: TagInputs, context: str, dockerfile: str) -> "CheckoutFacts":
    """What git's files say of the build context; nothing for a job whose git state is invalid."""
    from image_builder_domain.trust.checkout import CheckoutFacts

    if problems_of(tags.git_state):
        return CheckoutFacts()
    from image_builder_adapters.git.checkout import read_checkout_facts
    from image_builder_domain.trust.checkout import claim_of, workspace

    state, environment = tags.git_state.unwrap(), tags.environment
    claim, folder = claim_of(state, environment), workspace(state, environment)
    return read_checkout_facts(context, dockerfile, folder, claim, environment)


def _configuration(file: str, backend: str | None) -> "Result[Configuration, Problems]":
    return read_flawed(file).bind(
        lambda found: configuration(
            found[0],
            file,
            flaws=found[1],
            signer_types=_signer_types,
            engine_types=_engine_types,
            engine=None if not backend or backend in _BUILT_IN else backend,
        )
    )


def _signer_types() -> "Mapping[str, Decoder[SignerSettings]]":
    from image_builder_adapters.signer_types import signer_configurations

    return signer_configurations()


def _engine_types() -> "Mapping[str, Decoder[EngineSettings]]":
    from image_builder_adapters.engine_types import engine_configurations

    return engine_configurations()


def _git_state(options: Options, environment: Mapping[str, str]) -> "Result[GitState, Problems]":
    place = find_place()
    commit = _commit(options, environment, git_question(environment, place))
    return read_git_state(environment, commit, options.repo, _event(environment), place)


def _commit(options: Options, environment: Mapping[str, str], question: str | None) -> str | None:
    """What git knows and the job does not say; where the job says what is built, git is not even asked."""
    if question is None:
        return None
    from image_builder_adapters.git.repository import working_copy_commit

    return working_copy_commit(options.context or ".", environment, question)


def _event(environment: Mapping[str, str]) -> "Result[Mapping[str, Any], Problems] | None":
    """The payload of a GitHub event; other CI systems have none."""
    if detect(environment) is not CiSystem.GITHUB:
        return None
    from image_builder_adapters.event_payload import read_event

    return read_event(environment.get("GITHUB_EVENT_PATH", ""))


def _asked(options: Options) -> Asked:
    return Asked(
        name=options.name,
        tags=options.tag,
        build_arguments=options.build_arg,
        platforms=options.platform,
        target=options.target,
        export_tags=options.export_tags,
        tag_base64=options.tag_base64,
        variant=options.variant,
        max_parallel=options.max_parallel,
        keep_going=options.keep_going,
        backend=options.backend,
        build_in_ado=options.build_in_ado,
        require_production=options.require_production,
    )


def _source(options: Options) -> "Result[Source, Problems]":
    from image_builder_adapters.source_tree import find_dockerfile, read_source

    found = find_dockerfile(options.context or ".", options.dockerfile)
    return found.bind(lambda place: read_source(*place, options.env_file))


def _commit_time(tags: TagInputs, context: str) -> int | None:
    """Only a reproducible build needs it, and git is asked only then."""
    if problems_of(tags.configuration) or problems_of(tags.git_state) or not tags.configuration.unwrap().reproducible:
        return None
    from image_builder_adapters.git.repository import commit_time

    state = tags.git_state.unwrap()
    commit = state.commit or state.base_sha  # a batch has no commit of its own, but one that it goes on top of
    return commit_time(context, commit, tags.environment) if commit is not None else None


def _time(environment: Mapping[str, str]) -> datetime:
    """Now, or ``SOURCE_DATE_EPOCH``; a value that is no time is refused where tags are decided."""
    epoch = source_date_epoch(environment).value_or(None)
    return datetime.now(UTC) if epoch is None else _EARLIEST + timedelta(seconds=epoch)
