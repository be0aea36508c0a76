"""The template parameters of the pipeline, in every contract (specification, section 7).

All values are text: booleans ``true`` and ``false``, lists joined by ``,`` without blanks or escaping. A name that the
pipeline does not declare fails the run, and one that it needs must be there: each contract sends exactly what it says.
"""

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from returns.result import Failure, Result, Success

from image_builder_domain.image.platform import Platform
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.remote_pipeline import Parameter
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.tag import TagSpec

AUTHORIZATION: Final = "Authorization"
"""The parameter that carries the job's identity token; it is a secret."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterInputs:
    """The values that the parameters are made from.

    ``pull_number``, ``base_commit`` and ``head_commit`` describe the job: for a push ``base_commit`` is the commit
    itself. ``engine`` is what ``USE_BUILDKIT`` chooses, which an image of this tool sets too: it is not a wish.
    ``variant`` and ``env_file`` are the values of their flags.
    """

    job_type: JobType
    owner: str
    repo: str
    base_commit: str
    head_commit: str | None = None
    pull_number: int | None = None
    base_ref: str | None = None
    name: str = ""
    context: str = ""
    dockerfile: str = ""
    export_tags: bool = False
    arguments: tuple[BuildArgument, ...] = ()
    tags: tuple[TagSpec, ...] = ()
    build_config_from_pull_request: bool = False
    engine: str = "kaniko"
    env_file: str | None = None
    platforms: tuple[Platform, ...] = ()
    target: str | None = None
    variant: str | None = None
    go_internal_sap_modules: bool = False
    restricted_registry: bool = False


_Rule: TypeAlias = tuple[str, Callable[[ParameterInputs], bool], str, str]
"""A flag or variable, when it is refused, why, and a hint."""

_ENGINES: Final = {"kaniko": "kaniko", "buildkit": "buildx"}
"""The values of ``BuildEngine``, by the names of our engines."""

_ACTION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_OTHER: Final = "set another contract as 'parameters' in ado-config if the pipeline has one, or leave it out"

_ALWAYS_REFUSED: Final[tuple[_Rule, ...]] = (
    (
        "--variant",
        lambda asked: asked.variant is not None,
        "the pipeline builds every variant of a variants.yaml",
        "leave the flag out",
    ),
    (
        "--test-kaniko-build-config",
        lambda asked: asked.build_config_from_pull_request and asked.job_type is not JobType.PRESUBMIT,
        "only a pull request may bring its own build options",
        "leave the flag out",
    ),
    (
        "--build-arg",
        lambda asked: any("," in argument.value for argument in asked.arguments),
        "a ',' in a value would be read as the one between two arguments",
        "change the value, or give it in the Dockerfile",
    ),
    (
        "--tag",
        lambda asked: any("{{" in tag.template and ".Env" in tag.template for tag in asked.tags),
        "the pipeline renders the template, and does not have this job's environment for .Env",
        "write the value itself, or use another field",
    ),
)


def _unknown_to(version: str, flag: str, is_asked: Callable[[ParameterInputs], bool]) -> _Rule:
    return (flag, is_asked, f"parameters {version} do not have it", _OTHER)


def _newest(version: str) -> tuple[_Rule, ...]:
    """The flags that only the newest contract knows."""
    return (
        _unknown_to(version, "--use-go-internal-sap-modules", lambda asked: asked.go_internal_sap_modules),
        _unknown_to(version, "--use-restricted-registry", lambda asked: asked.restricted_registry),
    )


_V1_REFUSED: Final[tuple[_Rule, ...]] = (
    (
        "--env-file",
        lambda asked: asked.env_file is not None,
        "parameters v1 do not have it",
        "use --build-arg, or v2",
    ),
    _unknown_to("v1", "--platform", lambda asked: bool(asked.platforms)),
    _unknown_to("v1", "--target", lambda asked: asked.target is not None),
    *_newest("v1"),
    (
        "--tag",
        lambda asked: any(mark in tag.name + tag.template for tag in asked.tags for mark in ",="),
        "with parameters v1 a ',' or '=' in a name or value would be read as one between tags",
        "change it, or set 'parameters: v2' or 'v3' in ado-config if the pipeline has that contract",
    ),
)

_LISTED_TAGS: Final[_Rule] = (
    "--tag",
    lambda asked: any("," in tag.name + _ACTION.sub("", tag.template) for tag in asked.tags),
    "a ',' outside '{{ }}' would be read as the one between two tags",
    "leave it out",
)

_V2_REFUSED: Final[tuple[_Rule, ...]] = (
    _LISTED_TAGS,
    (
        "--env-file",
        lambda asked: asked.env_file == "",
        "the path is empty",
        "give the path of a file",
    ),
    *_newest("v2"),
)

_V3_REFUSED: Final[tuple[_Rule, ...]] = (
    _LISTED_TAGS,
    (
        "--env-file",
        lambda asked: asked.env_file is not None,
        "parameters v3 do not have it",
        "use --build-arg, or v2",
    ),
    _unknown_to("v3", "--test-kaniko-build-config", lambda asked: asked.build_config_from_pull_request),
)

_V1_JOBS: Final = (JobType.PRESUBMIT, JobType.POSTSUBMIT)
_LATER_JOBS: Final = (*_V1_JOBS, JobType.WORKFLOW_DISPATCH, JobType.SCHEDULE, JobType.MERGE_GROUP)


def decide_parameters(version: str, asked: ParameterInputs) -> Result[tuple[Parameter, ...], Problems]:
    """The parameters of a contract, or a problem for each value that it cannot express."""
    contract = _CONTRACTS[version]
    made = contract.parameters(asked)
    rules = (*_ALWAYS_REFUSED, *contract.refused)
    problems = (
        *_job_problems(version, asked.job_type, contract.jobs),
        *(Problem(where, what, remedy) for where, holds, what, remedy in rules if holds(asked)),
        *(Problem(found.name, "it is not UTF-8 text", "change it") for found in made if not _is_text(found.value)),
    )
    return Failure(problems) if problems else Success(made)


def parameter_notes(version: str, asked: ParameterInputs) -> tuple[str, ...]:
    """What the contract leaves out that nobody had to ask for."""
    if asked.engine == "kaniko":
        return ()
    if version != "v2":
        return (f"USE_BUILDKIT: parameters {version} name no engine, so the pipeline chooses it",)
    if asked.build_config_from_pull_request:
        return ("USE_BUILDKIT: the pipeline uses kaniko, because --test-kaniko-build-config brings kaniko's options",)
    return ()


def fitting_contract(unexpected: Iterable[str]) -> str | None:
    """The newest contract that sends none of these names, which a pipeline does not declare; None if each does."""
    names = {name.lower() for name in unexpected}
    fitting = (
        version for version, each in reversed(_CONTRACTS.items()) if names.isdisjoint(map(str.lower, each.names))
    )
    return next(fitting, None)


def sends_token(version: str) -> bool:
    """Whether the contract has a parameter for the job's identity token."""
    return AUTHORIZATION in _CONTRACTS[version].names


def _job_problems(version: str, job: JobType, known: tuple[JobType, ...]) -> Problems:
    if job in known:
        return ()
    if job is JobType.LOCAL:
        return (Problem("--build-in-ado", "the pipeline builds only for CI jobs", "build here with --backend"),)
    what = f"the pipeline takes no {job.value} jobs with parameters {version}"
    remedy = _OTHER if job in _LATER_JOBS else "build this job with another backend"
    return (Problem("--build-in-ado", what, remedy),)


def _v1(asked: ParameterInputs) -> tuple[Parameter, ...]:
    from_pull_request = Parameter.of("UseKanikoConfigFromPR", _boolean(asked.build_config_from_pull_request))
    return (*_common(asked), *_build_arguments(asked), *_given("Tags", _tags(asked)), from_pull_request)


def _v2(asked: ParameterInputs) -> tuple[Parameter, ...]:
    # Options of kaniko were asked for by a flag, BuildKit perhaps only by the image that this runs in.
    engine = "kaniko" if asked.build_config_from_pull_request else asked.engine
    return (
        *_common(asked),
        *_given("BaseRef", asked.base_ref),
        *_build_arguments(asked),
        *_given("Tags", _encoded(_tags(asked))),
        *_given("EnvFile", asked.env_file),
        *_given("Platforms", ",".join(map(str, asked.platforms))),
        *_given("Target", asked.target),
        Parameter.of("BuildEngine", _ENGINES[engine]),
        # Only when it is asked for: newer pipelines that know v2 do not declare it.
        *_given("UseKanikoConfigFromPR", "true" if asked.build_config_from_pull_request else None),
    )


def _v3(asked: ParameterInputs) -> tuple[Parameter, ...]:
    return (
        *_common(asked),
        *_given("BaseRef", asked.base_ref),
        *_build_arguments(asked),
        *_given("Tags", _encoded(_tags(asked))),
        Parameter.of("Platforms", ",".join(map(str, asked.platforms)) or "linux/amd64,linux/arm64"),
        *_given("Target", asked.target),
        *_given("UseGoInternalSAPModules", "true" if asked.go_internal_sap_modules else None),
        *_given("useRestrictedRegistry", "true" if asked.restricted_registry else None),
    )


@final
@dataclass(frozen=True, slots=True)
class _Contract:
    """The jobs that a contract takes, what it refuses, its parameters, and the name of each that it can send."""

    jobs: tuple[JobType, ...]
    refused: tuple[_Rule, ...]
    parameters: Callable[[ParameterInputs], tuple[Parameter, ...]]
    names: frozenset[str]


_COMMON_NAMES: Final = frozenset(
    [
        "RepoName",
        "RepoOwner",
        "JobType",
        "PullNumber",
        "PullBaseSHA",
        "PullPullSHA",
        "Name",
        "Dockerfile",
        "Context",
        "ExportTags",
        "BuildArgs",
        "Tags",
    ]
)
_CONTRACTS: Final[dict[str, _Contract]] = {
    "v1": _Contract(_V1_JOBS, _V1_REFUSED, _v1, _COMMON_NAMES | {"UseKanikoConfigFromPR"}),
    "v2": _Contract(
        _LATER_JOBS,
        _V2_REFUSED,
        _v2,
        _COMMON_NAMES
        | {"BaseRef", "EnvFile", "Platforms", "Target", "BuildEngine", "UseKanikoConfigFromPR", AUTHORIZATION},
    ),
    "v3": _Contract(
        _LATER_JOBS,
        _V3_REFUSED,
        _v3,
        _COMMON_NAMES
        | {"BaseRef", "Platforms", "Target", "UseGoInternalSAPModules", "useRestrictedRegistry", AUTHORIZATION},
    ),
}


def _common(asked: ParameterInputs) -> tuple[Parameter, ...]:
    number = "0" if asked.job_type is JobType.MERGE_GROUP else _number(asked.pull_number)
    return (
        Parameter.of("RepoName", asked.repo),
        Parameter.of("RepoOwner", asked.owner),
        Parameter.of("JobType", asked.job_type.value),
        *_given("PullNumber", number),
        Parameter.of("PullBaseSHA", asked.base_commit),
        *_given("PullPullSHA", asked.head_commit),
        Parameter.of("Name", asked.name),
        Parameter.of("Dockerfile", asked.dockerfile),
        Parameter.of("Context", asked.context),
        Parameter.of("ExportTags", _boolean(asked.export_tags)),
    )


def _build_arguments(asked: ParameterInputs) -> tuple[Parameter, ...]:
    if not asked.arguments:
        return ()
    sent = ",".join(f"{argument.name}={argument.value}" for argument in asked.arguments)
    return (Parameter("BuildArgs", sent, ",".join(map(str, asked.arguments))),)


def _tags(asked: ParameterInputs) -> str:
    return ",".join(f"{tag.name}={tag.template}" for tag in asked.tags)


def _encoded(tags: str) -> str:
    return base64.b64encode(tags.encode()).decode("ascii") if tags and _is_text(tags) else tags


def _given(name: str, value: str | None) -> tuple[Parameter, ...]:
    return (Parameter.of(name, value),) if value else ()


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _is_text(value: str) -> bool:
    """False for bytes of the command line that are not UTF-8: JSON cannot hold them."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
