"""The plan of a remote build or a preview: which pipeline, with which parameters (specification, section 7)."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

from returns.result import Result, Success

from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import TAG_RULE, is_tag
from image_builder_domain.job.git_state import GitState, JobType, is_repository
from image_builder_domain.plan.arguments import (
    ENV_FILE_WARNING,
    asked_arguments,
    decide_platforms,
    merged,
    secret_warnings,
)
from image_builder_domain.plan.destinations import image_name
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.plan.remote_parameters import (
    ParameterInputs,
    decide_parameters,
    parameter_notes,
    sends_token,
)
from image_builder_domain.plan.tags import user_tags
from image_builder_domain.problem import Problems, every, gather, refuse
from image_builder_domain.remote_pipeline import Parameter, PreviewRequest, RunRequest
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.tag import TagSpec, each_name_once
from image_builder_domain.trust.side import Job

_AZURE_REPOS: Final = r"(ssh\.)?dev\.azure\.com|[a-z0-9-]+\.visualstudio\.com"


@final
@dataclass(frozen=True, slots=True)
class RemoteInputs:
    """Enough to plan a remote build.

    ``dockerfile`` is below ``context``; neither needs to exist here. ``definition`` is the YAML to preview, None for a
    build. ``engine`` is the one that the pipeline uses; ``identity_token`` says that this job can get a token.
    """

    tags: TagInputs
    context: str
    dockerfile: str
    engine: Result[str, Problems]
    env_file: str | None = None
    build_config_from_pull_request: bool = False
    go_internal_sap_modules: bool = False
    restricted_registry: bool = False
    identity_token: bool = False
    definition: Result[str, Problems] | None = None


@final
@dataclass(frozen=True, slots=True)
class RemotePlan:
    """The run or preview that the pipeline is asked for."""

    name: str
    job: Job
    settings: AdoSettings
    request: RunRequest | PreviewRequest
    arguments: tuple[BuildArgument, ...]
    warnings: tuple[str, ...]
    log_format: str | None = None


def decide_remote(inputs: RemoteInputs) -> Result[RemotePlan, Problems]:
    """The plan, or every problem of the inputs and of what they ask for."""
    configuration, job, name = inputs.tags.configuration, inputs.tags.job, _name(inputs)
    settings, arguments = configuration.bind(_settings), asked_arguments(inputs.tags).map(merged)
    asked = gather(
        job.bind(lambda found: _job(found, inputs)),
        name,
        _tags(inputs.tags),
        arguments,
        decide_platforms(inputs.tags.asked),
        inputs.engine,
    ).map(partial(_asked, inputs))
    parameters = gather(settings, asked).bind(lambda ado, found: decide_parameters(ado.parameters, found))
    definition = inputs.definition if inputs.definition is not None else Success("")
    notes = gather(settings, asked).map(lambda ado, found: parameter_notes(ado.parameters, found))
    decided = gather(configuration, job, settings, arguments, definition, name, parameters, notes)
    return decided.map(partial(_plan, inputs))


def _settings(configuration: Configuration) -> Result[AdoSettings, Problems]:
    if configuration.ado is None:
        what = "ado-config is missing, and the Azure DevOps backend needs it"
        return refuse(configuration.file, what, "add it, or choose another --backend")
    return Success(configuration.ado)


def _name(inputs: RemoteInputs) -> Result[str, Problems]:
    """The image's name; a preview builds nothing, so it can be empty."""
    if inputs.definition is not None and not inputs.tags.asked.name:
        return Success("")
    return image_name(inputs.tags.asked)


def _tags(inputs: TagInputs) -> Result[tuple[TagSpec, ...], Problems]:
    """The user's tags as written, because the pipeline renders templates. Plain values are checked here."""
    checked = user_tags(inputs.asked).bind(lambda specs: every(map(_checked, specs)))
    return checked.bind(lambda specs: each_name_once(specs, lambda spec: spec.template))


def _checked(spec: TagSpec) -> Result[TagSpec, Problems]:
    if "{{" in spec.template or is_tag("-".join(spec.template.split())):
        return Success(spec)
    return refuse(spec.where, f"{spec.template!r} is not a tag: {TAG_RULE}", "change the value")


def _job(job: Job, inputs: RemoteInputs) -> Result[Job, Problems]:
    """The job as the pipeline gets it. A preview outside CI is expanded as for a push."""
    state = job.state
    if inputs.definition is not None and job.counts_as is JobType.LOCAL:
        pushed = replace(state, base_sha=state.base_sha or state.commit)
        return Success(replace(job, state=pushed, counts_as=JobType.POSTSUBMIT))
    if job.counts_as.is_proposal and state.base_sha is None:
        what = "the commit that the change is based on is not known, and the pipeline needs it"
        return refuse(state.system.value, what, "set REPO_OWNER, REPO_NAME, JOB_TYPE and PULL_BASE_SHA as Prow does")
    if state.repository is not None and not _is_fetched(state):
        what = (
            f"the pipeline fetches SOURCE_URL/owner/repository, and {state.repository!r} of {state.host} is not there"
        )
        return refuse("--build-in-ado", what, "build this job with another backend")
    return Success(job)


def _is_fetched(state: GitState) -> bool:
    """Whether a pipeline finds the repository by owner and name: not in GitLab's subgroups, nor in Azure Repos."""
    in_azure = state.host is not None and re.fullmatch(_AZURE_REPOS, state.host) is not None
    return not in_azure and is_repository(state.owner or "", state.repo or "")


def _asked(
    inputs: RemoteInputs,
    job: Job,
    name: str,
    tags: tuple[TagSpec, ...],
    arguments: tuple[BuildArgument, ...],
    platforms: tuple[Platform, ...],
    engine: str,
) -> ParameterInputs:
    asked, state = inputs.tags.asked, job.state
    proposed = job.counts_as.is_proposal
    return ParameterInputs(
        job_type=job.counts_as,
        owner=state.owner or "",
        repo=state.repo or "",
        base_commit=state.base_sha or state.commit or "",
        head_commit=(state.head_sha or state.commit) if proposed else None,
        pull_number=state.pull_number,
        # in full: the short name of a tag could be a branch's, and without any the pipeline looks on the default branch
        base_ref=state.base_ref if state.tag is None else f"refs/tags/{state.tag}",
        name=name,
        context=inputs.context,
        dockerfile=inputs.dockerfile,
        export_tags=asked.export_tags,
        arguments=arguments,
        tags=tags,
        build_config_from_pull_request=inputs.build_config_from_pull_request,
        go_internal_sap_modules=inputs.go_internal_sap_modules,
        restricted_registry=inputs.restricted_registry,
        engine=engine,
        env_file=inputs.env_file,
        platforms=platforms,
        target=asked.target,
        variant=asked.variant,
    )


def _plan(
    inputs: RemoteInputs,
    configuration: Configuration,
    job: Job,
    settings: AdoSettings,
    arguments: tuple[BuildArgument, ...],
    definition: str,
    name: str,
    parameters: tuple[Parameter, ...],
    notes: tuple[str, ...],
) -> RemotePlan:
    # A demoted push is sent as a merge group; its token would contradict that, and the pipeline needs no proof of it.
    token = inputs.identity_token and sends_token(settings.parameters) and not job.is_demoted
    is_preview = inputs.definition is not None
    request = PreviewRequest(parameters, definition) if is_preview else RunRequest(parameters, token)
    warnings = (
        *job.warnings,
        *notes,
        *secret_warnings(arguments),
        *((ENV_FILE_WARNING,) if inputs.env_file is not None else ()),
    )
    return RemotePlan(name, job, settings, request, arguments, warnings, configuration.log_format)
