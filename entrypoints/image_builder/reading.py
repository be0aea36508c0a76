"""Read everything that decisions are made of: configuration, git state, source, time. Nothing is decided here."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_domain.job.detection import detect, git_question, read_git_state, read_without_commit
from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.plan.backend import choose_engine, known_backend, pipeline_engine
from image_builder_domain.plan.inputs import Asked, Inputs, TagInputs, source_date_epoch
from image_builder_domain.problem import gather, problems_of, refuse
from image_builder_domain.trust.configuration_origin import Origin, origin_of, workspace_of
from returns.result import Result, Success

from image_builder.options import Options

if TYPE_CHECKING:
    from image_builder_domain.configuration.keys import Configuration
    from image_builder_domain.engine_type import EngineType
    from image_builder_domain.job.git_state import GitState
    from image_builder_domain.job.local import Place
    from image_builder_domain.plan.backend import ChosenEngine, EngineChoice
    from image_builder_domain.plan.remote import RemoteInputs
    from image_builder_domain.ports import ConfigurationFile, SourceTree, WorkingCopy
    from image_builder_domain.problem import Problems
    from image_builder_domain.publish.descent import Descent
    from image_builder_domain.trust.checkout import CheckoutFacts
    from image_builder_domain.trust.history import History

_PATH: Final = "ado-preview-run-yaml-path"
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Sources:
    """What a run reads from, supplied by the container.

    ``event`` reads the payload of a GitHub event, ``file`` a file of a few MiB with the remedy of its problems.
    ``engines`` are those that are installed, ``engine_choice`` chooses one without ``--backend``. ``can_ask_for_token``
    says whether this job may ask GitHub for an identity token. What needs more modules is a function that loads them.
    """

    place: "Place"
    event: "Callable[[], Result[Mapping[str, Any], Problems]]"
    configuration_file: "ConfigurationFile"
    working_copy: "WorkingCopy"
    source_tree: "Callable[[], SourceTree]"
    file: "Callable[[str, str], Result[bytes, Problems]]"
    engines: "Mapping[str, EngineType]"
    engine_choice: "EngineChoice"
    can_ask_for_token: Callable[[], bool]


@final
class Reader:
    """Reads for one command line. ``know`` is called with the configuration as soon as one that is valid was read."""

    def __init__(
        self,
        options: Options,
        environment: Mapping[str, str],
        sources: Sources,
        know: "Callable[[Configuration], None]",
    ) -> None:
        self._options = options
        self._environment = environment
        self._know = know
        self._sources = sources

    def tag_inputs(self) -> TagInputs:
        """What tags are decided from."""
        file, options = self._options.env_file, self._options
        inputs = self._inputs(self._git_state(), is_built=True)
        if file is None:
            return inputs
        return replace(inputs, env_file=self._sources.source_tree().env_file(options.dockerfile, file))

    def settings(self) -> TagInputs:
        """The same for modes that build nothing: outside CI they need no commit, and so no working copy."""
        if detect(self._environment, self._sources.place) is not CiSystem.LOCAL:
            return self._inputs(self._git_state())
        return self._inputs(read_without_commit(self._environment, self._options.repo))

    def build_inputs(self) -> Inputs:
        """What a build is planned from."""
        tags, sources = self._inputs(self._git_state(), is_built=True), self._sources
        source = sources.source_tree().read(self._options.dockerfile, self._options.env_file)
        if self._options.env_file is not None:
            tags = replace(tags, env_file=source.map(lambda found: found.env_file or ()))
        asked, choice = tags.asked, sources.engine_choice
        engine = choose_engine(asked.backend, asked.build_in_ado, self._environment, choice, sources.engines)
        paths = engine.map(lambda chosen: real_paths_of(chosen, tags)).value_or({})
        checkout = self.checkout(tags, source.map(lambda found: found.dockerfile).value_or(""))
        time, processors = self._commit_time(tags), len(os.sched_getaffinity(0))
        return Inputs(tags, engine, source, time, processors, paths, checkout, self._remote(tags))

    def remote_inputs(self) -> "RemoteInputs":
        """What a remote build is planned from. The source need not be here: the pipeline has it."""
        return self._remote_inputs(self._options.build_in_ado)

    def preview_inputs(self) -> "RemoteInputs":
        """The same for a preview, with the definition that it expands."""
        return self._remote_inputs(True, self._definition())

    def checkout(self, tags: TagInputs, dockerfile: str) -> "CheckoutFacts":
        """What git's files say of the build context; nothing for a job whose git state is invalid."""
        from image_builder_domain.trust.checkout import CheckoutFacts

        if problems_of(tags.git_state):
            return CheckoutFacts()
        from image_builder_domain.trust.checkout import claim_of

        state = tags.git_state.unwrap()
        workspace = workspace_of(state.system, self._environment)
        return self._sources.working_copy.facts(dockerfile, workspace, claim_of(state, self._environment))

    def descent(self, state: "GitState") -> "Callable[[str], Descent]":
        """Git's answers about the commit of a job and another one."""
        workspace, ours = workspace_of(state.system, self._environment), state.commit or ""
        return lambda theirs: self._sources.working_copy.descent(ours, theirs, workspace)

    def _inputs(self, state: "Result[GitState, Problems]", *, is_built: bool = False) -> TagInputs:
        """``is_built``: the mode works with the build context, so a commit chooses what the files in it say."""
        found = self._configuration()
        history, origin = self._history(found, state), self._origin(state, is_built)
        return TagInputs(self._asked(), found, state, _time(self._environment), self._environment, history, origin)

    def _configuration(self) -> "Result[Configuration, Problems]":
        found = self._sources.configuration_file.read()
        found.map(self._know)
        known = known_backend(self._options.backend or None, self._sources.engines)
        return gather(found, known).map(lambda configuration, _: configuration)

    def _origin(self, state: "Result[GitState, Problems]", is_built: bool) -> Origin:
        """Where the configuration file lies; a job outside CI may use any."""
        if problems_of(state) or state.unwrap().system is CiSystem.LOCAL:
            return Origin.APART
        system = state.unwrap().system
        workspace = workspace_of(system, self._environment)
        is_held = self._sources.working_copy.holds(self._options.config, workspace, is_built=is_built)
        return origin_of(system, self._environment, is_held=is_held)

    def _history(
        self, configuration: "Result[Configuration, Problems]", state: "Result[GitState, Problems]"
    ) -> "History":
        """On which branches the job's commit lies; git is asked only where that decides the side of the job."""
        if problems_of(configuration) or problems_of(state):
            return {}
        from image_builder_domain.trust.side_decision import history_questions

        known = state.unwrap()
        questions = history_questions(configuration.unwrap().trust, known)
        if not questions or known.commit is None:
            return {}
        workspace = workspace_of(known.system, self._environment)
        return self._sources.working_copy.history(known.commit, questions, workspace)

    def _git_state(self) -> "Result[GitState, Problems]":
        environment, place = self._environment, self._sources.place
        question = git_question(environment, place)  # where the job itself names the commit, git is not asked
        commit = self._sources.working_copy.commit(question) if question is not None else None
        if commit is None and question is not None:
            place = replace(place, missing=self._sources.working_copy.missing())
        event = self._sources.event() if detect(environment) is CiSystem.GITHUB else None
        return read_git_state(environment, commit, self._options.repo, event, place)

    def _commit_time(self, tags: TagInputs) -> int | None:
        """When the commit was made, which the image says of itself; None where git does not know it."""
        if problems_of(tags.configuration) or problems_of(tags.git_state):
            return None
        state = tags.git_state.unwrap()
        commit = state.commit or state.base_sha  # a batch has no commit of its own, but one that it goes on top of
        return self._sources.working_copy.commit_time(commit) if commit is not None else None

    def _remote(self, tags: TagInputs) -> str | None:
        """Where the sources come from; git is asked only where the job does not name the host."""
        is_known = problems_of(tags.git_state) or tags.git_state.unwrap().host is not None
        return None if is_known else self._sources.working_copy.remote()

    def _remote_inputs(self, in_ado: bool, definition: "Result[str, Problems] | None" = None) -> "RemoteInputs":
        from image_builder_domain.plan.remote import RemoteInputs

        return RemoteInputs(
            tags=self._inputs(self._git_state(), is_built=True),
            context=self._options.context,
            dockerfile=self._options.dockerfile or self._sources.source_tree().default_dockerfile(),
            engine=pipeline_engine(self._options.backend, in_ado, self._environment, self._sources.engine_choice),
            env_file=self._options.env_file,
            build_config_from_pull_request=self._options.test_kaniko_build_config,
            go_internal_sap_modules=self._options.use_go_internal_sap_modules,
            restricted_registry=self._options.use_restricted_registry,
            identity_token=self._sources.can_ask_for_token(),
            definition=definition,
        )

    def _definition(self) -> "Result[str, Problems]":
        path = self._options.ado_preview_run_yaml_path
        if path is None:
            return refuse(f"--{_PATH}", "a preview needs the definition to expand", "give the path of its YAML file")
        content = self._sources.file(path, f"name another one with --{_PATH}")
        return content.bind(lambda found: _text(path, found))

    def _asked(self) -> Asked:
        options = self._options
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
            move_back=options.move_back,
        )


def real_paths_of(engine: "ChosenEngine", inputs: TagInputs) -> dict[str, str]:
    """The paths that the engine compares, with links resolved; they need not exist."""
    paths = engine.type.paths
    if paths is None or problems_of(inputs.configuration):
        return {}
    settings = engine.settings(inputs.configuration.unwrap())
    named = settings.map(lambda found: tuple(paths(found, inputs.environment))).value_or(())
    return {path: os.path.realpath(path) for path in named}


def _time(environment: Mapping[str, str]) -> datetime:
    """Now, or ``SOURCE_DATE_EPOCH``; an invalid value is refused where tags are decided."""
    epoch = source_date_epoch(environment).value_or(None)
    return datetime.now(UTC) if epoch is None else _EARLIEST + timedelta(seconds=epoch)


def _text(path: str, content: bytes) -> "Result[str, Problems]":
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return refuse(path, "the definition is not UTF-8 text", "save it as such")
    if not text.strip():
        return refuse(path, "an empty definition would be taken for the one in the repository", "write a definition")
    return Success(text)
