"""A configuration, jobs and inputs from which tests of this folder make plans."""

from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_domain.configuration.keys import CacheSettings, Configuration
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import decide
from image_builder_domain.plan.inputs import Asked, Inputs, TagInputs
from image_builder_domain.problem import problems_of
from returns.result import Success

from tests.given import TIME, build_inputs

APP = Asked("team/app")
COMMIT = "abcdef1234567890" + "0" * 24
POSTSUBMIT = GitState(CiSystem.PROW, JobType.POSTSUBMIT, COMMIT, "acme", "demo")
PRESUBMIT = GitState(CiSystem.PROW, JobType.PRESUBMIT, COMMIT, "acme", "demo", 7)
LOCAL = GitState(CiSystem.LOCAL, JobType.LOCAL, COMMIT)


def prefix(text: str) -> RegistryPrefix:
    return RegistryPrefix.parse(text).unwrap()


def signer(kind: SecretKind = SecretKind.MTLS, *job_types: JobType) -> SignerDefinition:
    settings = NotarySettings("https://sign.example/", secret=SignerSecret("/secret", kind))
    return SignerDefinition("notary", "notary", job_types, settings, "config.yaml:9:5")


CONFIGURATION = Configuration(
    "config.yaml",
    registries=(prefix("reg.example/prod"), prefix("mirror.example")),
    dev_registries=(prefix("reg.example/dev"),),
    cache=CacheSettings(True, prefix("reg.example/cache"), prefix("reg.example/dev/cache")),
    enabled_signers={"*": ("notary",)},
    signers=(signer(),),
)


def inputs(
    state: GitState = POSTSUBMIT,
    configuration: Configuration = CONFIGURATION,
    asked: Asked = APP,
    *,
    engine: str = "buildkit",
    commit_time: int | None = 1700000000,
) -> Inputs:
    """Inputs of a build by this engine, unless ``asked`` names another."""
    environment = {"GIVEN": "1", "USE_BUILDKIT": "true" if engine == "buildkit" else "false"}
    tags = TagInputs(asked, Success(configuration), Success(state), TIME, environment)
    return build_inputs(tags, commit_time=commit_time)


def problems(found: Inputs) -> list[str]:
    """Why there is no plan; empty if there is one."""
    return list(map(str, problems_of(decide(found))))
