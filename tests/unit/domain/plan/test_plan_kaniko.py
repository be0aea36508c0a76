"""What a plan decides otherwise when kaniko builds."""

from dataclasses import replace

import pytest
from image_builder_domain.build import CacheReferences
from image_builder_domain.configuration.file import CacheSettings, Configuration
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import decide
from image_builder_domain.plan.inputs import Asked, Inputs, TagInputs
from returns.result import Failure, Success

from tests.given import TIME, build_inputs

COMMIT = "abcdef1234567890" + "0" * 24
APP = Asked("team/app", backend="kaniko")
CACHE = CacheSettings(True, RegistryPrefix.parse("reg.example/cache").unwrap())
DEV_CACHE = replace(CACHE, dev_repository=RegistryPrefix.parse("reg.example/dev/cache").unwrap())
CONFIGURATION = Configuration(
    "config.yaml",
    registries=(RegistryPrefix.parse("reg.example/prod").unwrap(),),
    dev_registries=(RegistryPrefix.parse("reg.example/dev").unwrap(),),
)


def inputs(configuration: Configuration = CONFIGURATION, asked: Asked = APP, *, merged: bool = True) -> Inputs:
    job = JobType.POSTSUBMIT if merged else JobType.PRESUBMIT
    state = GitState(CiSystem.PROW, job, COMMIT, "acme", "demo", None if merged else 7)
    return build_inputs(TagInputs(asked, Success(configuration), Success(state), TIME, {}), commit_time=None)


def cache(settings: CacheSettings, *, merged: bool) -> CacheReferences:
    return decide(inputs(replace(CONFIGURATION, cache=settings), merged=merged)).unwrap().builds[0].cache


def test_plan_names_its_backend() -> None:
    assert decide(inputs()).unwrap().backend == "kaniko"


def test_bytes_of_a_build_argument_are_kept_also_those_that_are_no_utf8() -> None:
    plan = decide(inputs(asked=replace(APP, build_arguments=("A= a=b\udcff\n'",)))).unwrap()
    assert plan.builds[0].arguments[0].value == " a=b\udcff\n'"


def test_several_platforms_are_refused_and_one_is_not() -> None:
    asked = replace(APP, platforms=("linux/amd64", "linux/arm64"))
    refused = decide(inputs(asked=asked))
    assert isinstance(refused, Failure)
    assert "--backend kaniko: kaniko builds one platform at a time" in str(refused.failure()[0])
    assert isinstance(decide(inputs(asked=replace(asked, platforms=("linux/arm64", "linux/arm64")))), Success)


@pytest.mark.parametrize(
    ("settings", "merged", "read", "writes"),
    [
        pytest.param(CACHE, True, "reg.example/cache", True, id="merged"),
        pytest.param(DEV_CACHE, True, "reg.example/cache", True, id="merged-beside-a-development-cache"),
        pytest.param(CACHE, False, "reg.example/cache", False, id="unmerged-only-reads"),
        pytest.param(DEV_CACHE, False, "reg.example/dev/cache", True, id="unmerged-has-its-own"),
    ],
)
def test_one_cache_repository_that_unmerged_code_never_shares_for_writing(
    settings: CacheSettings, merged: bool, read: str, writes: bool
) -> None:
    found = cache(settings, merged=merged)
    assert [str(reference.repository) for reference in found.imports] == [read]
    assert found.exports == (found.imports if writes else ())


def test_which_layers_are_kept_is_the_administrators_choice() -> None:
    found = cache(replace(CACHE, run_layers=False, copy_layers=True), merged=True)
    assert (found.run_layers, found.copy_layers) == (False, True)


def test_cache_that_is_a_host_alone_is_refused() -> None:
    host = replace(CACHE, repository=RegistryPrefix.parse("reg.example").unwrap())
    refused = decide(inputs(replace(CONFIGURATION, cache=host)))
    assert isinstance(refused, Failure)
    assert "reg.example/cache" in refused.failure()[0].remedy


def test_reproducible_needs_no_time() -> None:
    assert decide(inputs(replace(CONFIGURATION, reproducible=True))).unwrap().builds[0].source_date_epoch == 0
