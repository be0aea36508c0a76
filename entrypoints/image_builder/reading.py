"""Read everything that decisions are made of: configuration, git state, source, time. Nothing is decided here."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_adapters.git.working_copy import GitWorkingCopy
from image_builder_adapters.job_surroundings import find_place, read_event
from image_builder_adapters.plugins import ENGINE_CHOICE, engines, signers
from image_builder_adapters.yaml_reader import read_flawed
from image_builder_domain.configuration.file import configuration
from image_builder_domain.job.detection import detect, git_question, read_git_state, read_without_commit
from image_builder_domain.job.state import CiSystem
from image_builder_domain.plan.backend import choose_engine, known_backend, pipeline_engine
from image_builder_domain.plan.inputs import Asked, Inputs, Source, TagInputs, source_date_epoch
from image_builder_domain.problem import gather, problems_of, refuse
from image_builder_domain.trust.configuration_origin import Origin, origin_of, workspace_of
from returns.result import Result, Success

from image_builder.options import Options

if TYPE_CHECKING:
    from image_builder_domain.configuration.file import Configuration
    from image_builder_domain.job.state import GitState
    from image_builder_domain.plan.backend import ChosenEngine
    from image_builder_domain.plan.remote import RemoteInputs
    from image_builder_domain.ports import WorkingCopy
    from image_builder_domain.problem import Problems
    from image_builder_domain.trust.checkout import CheckoutFacts
    from image_builder_domain.trust.history import History

_PATH: Final = "ado-preview-run-yaml-path"
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
class Reader:
    """Reads for one command line. ``know`` is called with the configuration as soon as one that is valid was read."""

    def __init__(
        self, options: Options, environment: Mapping[str, str], know: "Callable[[Configuration], None]"
    ) -> None:
        self._options = options
        self._environment = environment
        self._know = know
        self._context = options.context or "."
        self._engines = engines()
        self._working_copy: WorkingCopy = GitWorkingCopy(self._context, environment)

    def tag_inputs(self) -> TagInputs:
        """What tags are decided from."""
        return self._inputs(self._git_state(), is_built=True)

    def settings(self) -> TagInputs:
        """The same for modes that build nothing: outside CI they need no commit, and so no working copy."""
        if detect(self._environment, find_place()) is not CiSystem.LOCAL:
            return self._inputs(self._git_state())
        return self._inputs(read_without_commit(self._environment, self._options.repo))

    def build_inputs(self) -> Inputs:
        """What a build is planned from."""
        tags, source = self.tag_inputs(), self._source()
        asked = tags.asked
        engine = choose_engine(asked.backend, asked.build_in_ado, self._environment, ENGINE_CHOICE, self._engines)
        paths = engine.map(lambda chosen: real_paths_of(chosen, tags)).value_or({})
        checkout = self.checkout(tags, source.map(lambda found: found.dockerfile).value_or(""))
        return Inputs(tags, engine, source, self._commit_time(tags), len(os.sched_getaffinity(0)), paths, checkout)

    def remote_inputs(self) -> "RemoteInputs":
        """What a remote build is planned from. The source need not be here: the pipeline has it."""
        return self._remote_inputs(self._options.build_in_ado)

    def preview_inputs(self) -> "RemoteInputs":
        """The same for a preview, with the definition that it expands."""
        return self._remote_inputs(True, _definition(self._options.ado_preview_run_yaml_path))

    def checkout(self, tags: TagInputs, dockerfile: str) -> "CheckoutFacts":
        """What git's files say of the build context; nothing for a job whose git state is invalid."""
        from image_builder_domain.trust.checkout import CheckoutFacts

        if problems_of(tags.git_state):
            return CheckoutFacts()
        from image_builder_domain.trust.checkout import claim_of

        state = tags.git_state.unwrap()
        workspace = workspace_of(state.system, self._environment)
        return self._working_copy.facts(dockerfile, workspace, claim_of(state, self._environment))

    def _inputs(self, state: "Result[GitState, Problems]", *, is_built: bool = False) -> TagInputs:
        """``is_built``: the mode works with the build context, so a commit chooses what the files in it say."""
        found = self._configuration()
        history, origin = self._history(found, state), self._origin(state, is_built)
        return TagInputs(self._asked(), found, state, _time(self._environment), self._environment, history, origin)

    def _configuration(self) -> "Result[Configuration, Problems]":
        file, backend = self._options.config, self._options.backend
        found = read_flawed(file).bind(
            lambda read: configuration(read[0], file, flaws=read[1], engines=self._engines, signers=signers())
        )
        found.map(self._know)
        return gather(found, known_backend(backend or None, self._engines)).map(lambda known, _: known)

    def _origin(self, state: "Result[GitState, Problems]", is_built: bool) -> Origin:
        """Where the configuration file lies; a job outside CI may use any."""
        if problems_of(state) or state.unwrap().system is CiSystem.LOCAL:
            return Origin.APART
        system = state.unwrap().system
        workspace = workspace_of(system, self._environment)
        is_held = self._working_copy.holds(self._options.config, workspace, is_built=is_built)
        return origin_of(system, self._environment, is_held=is_held)

    def _history(
        self, configuration: "Result[Configuration, Problems]", state: "Result[GitState, Problems]"
    ) -> "History":
        """On which branches the job's commit lies; git is asked only where that decides the side of the job."""
        if problems_of(configuration) or problems_of(state):
            return {}
        from image_builder_domain.trust.decision import history_questions

        known = state.unwrap()
        questions = history_questions(configuration.unwrap().trust, known)
        if not questions or known.commit is None:
            return {}
        workspace = workspace_of(known.system, self._environment)
        return self._working_copy.history(known.commit, questions, workspace)

    def _git_state(self) -> "Result[GitState, Problems]":
        environment, place = self._environment, find_place()
        question = git_question(environment, place)  # where the job itself names the commit, git is not asked
        commit = self._working_copy.commit(question) if question is not None else None
        return read_git_state(environment, commit, self._options.repo, _event(environment), place)

    def _commit_time(self, tags: TagInputs) -> int | None:
        """Only a reproducible build needs it, and git is asked only then."""
        is_broken = problems_of(tags.configuration) or problems_of(tags.git_state)
        if is_broken or not tags.configuration.unwrap().reproducible:
            return None
        state = tags.git_state.unwrap()
        commit = state.commit or state.base_sha  # a batch has no commit of its own, but one that it goes on top of
        return self._working_copy.commit_time(commit) if commit is not None else None

    def _source(self) -> "Result[Source, Problems]":
        from image_builder_adapters.source_tree import find_dockerfile, read_source

        found = find_dockerfile(self._context, self._options.dockerfile)
        return found.bind(lambda place: read_source(*place, self._options.env_file))

    def _remote_inputs(self, in_ado: bool, definition: "Result[str, Problems] | None" = None) -> "RemoteInputs":
        from image_builder_adapters.azure_devops.identity_token import can_ask
        from image_builder_domain.plan.remote import RemoteInputs

        return RemoteInputs(
            tags=self.tag_inputs(),
            context=self._options.context,
            dockerfile=self._options.dockerfile or self._dockerfile(),
            engine=pipeline_engine(self._options.backend, in_ado, self._environment, ENGINE_CHOICE),
            env_file=self._options.env_file,
            build_config_from_pull_request=self._options.test_kaniko_build_config,
            identity_token=can_ask(self._environment),
            definition=definition,
        )

    def _dockerfile(self) -> str:
        """As for a local build, if the context is here: ``Dockerfile``, or ``dockerfile`` when only that exists."""
        found = [name for name in ("Dockerfile", "dockerfile") if os.path.isfile(os.path.join(self._context, name))]
        return found[0] if found else "Dockerfile"

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
        )


def real_paths_of(engine: "ChosenEngine", inputs: TagInputs) -> dict[str, str]:
    """The paths that the engine compares, with links resolved; they need not exist."""
    paths = engine.type.paths
    if paths is None or problems_of(inputs.configuration):
        return {}
    settings = engine.settings(inputs.configuration.unwrap())
    named = settings.map(lambda found: tuple(paths(found, inputs.environment))).value_or(())
    return {path: os.path.realpath(path) for path in named}


def _event(environment: Mapping[str, str]) -> "Result[Mapping[str, Any], Problems] | None":
    """The payload of a GitHub event; other CI systems have none."""
    if detect(environment) is not CiSystem.GITHUB:
        return None
    return read_event(environment.get("GITHUB_EVENT_PATH", ""))


def _time(environment: Mapping[str, str]) -> datetime:
    """Now, or ``SOURCE_DATE_EPOCH``; a value that is no time is refused where tags are decided."""
    epoch = source_date_epoch(environment).value_or(None)
    return datetime.now(UTC) if epoch is None else _EARLIEST + timedelta(seconds=epoch)


def _definition(path: str | None) -> "Result[str, Problems]":
    if path is None:
        return refuse(f"--{_PATH}", "a preview needs the definition to expand", "give the path of its YAML file")
    from image_builder_adapters.files import read_file

    return read_file(path, f"name another one with --{_PATH}").bind(lambda content: _text(path, content))


def _text(path: str, content: bytes) -> "Result[str, Problems]":
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return refuse(path, "the definition is not UTF-8 text", "save it as such")
    if not text.strip():
        return refuse(path, "an empty definition would be taken for the one in the repository", "write a definition")
    return Success(text)
