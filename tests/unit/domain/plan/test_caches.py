"""Layer caches: which a build reads and writes, for engines with a repository per image and with one for all."""

from dataclasses import replace

import pytest
from image_builder_domain.build import CacheReferences
from image_builder_domain.configuration.keys import CacheSettings
from image_builder_domain.job.git_state import GitState
from image_builder_domain.plan.build import decide
from image_builder_domain.plan.inputs import Asked
from returns.result import Success

from tests.unit.domain.plan.plans import CONFIGURATION, LOCAL, POSTSUBMIT, PRESUBMIT, inputs, prefix, problems

CACHE = CacheSettings(True, prefix("reg.example/cache"))
DEV_CACHE = replace(CACHE, dev_repository=prefix("reg.example/dev/cache"))


# --- a repository for each image: BuildKit ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "read", "written"),
    [
        pytest.param(POSTSUBMIT, ["reg.example/cache/team/app"], ["reg.example/cache/team/app"], id="merged"),
        pytest.param(
            PRESUBMIT,
            ["reg.example/cache/team/app", "reg.example/dev/cache/team/app"],
            ["reg.example/dev/cache/team/app"],
            id="unmerged",
        ),
        pytest.param(
            LOCAL,
            ["reg.example/cache/team/app", "reg.example/dev/cache/team/app"],
            ["reg.example/dev/cache/team/app"],
            id="local",
        ),
    ],
)
def test_only_production_writes_the_cache_that_production_reads(
    state: GitState, read: list[str], written: list[str]
) -> None:
    cache = decide(inputs(state)).unwrap().builds[0].request.cache
    assert [str(found) for found in cache.imports] == [f"{name}:buildcache" for name in read]
    assert [str(found) for found in cache.exports] == [f"{name}:buildcache" for name in written]


def test_unmerged_image_never_takes_the_place_of_a_cache_that_production_reads() -> None:
    below = replace(CONFIGURATION, cache=CacheSettings(True, prefix("reg.example/dev/cache")))
    asked = Asked("cache/app", ("buildcache",))
    (problem,) = problems(inputs(PRESUBMIT, below, asked))
    assert problem.startswith("--name: reg.example/dev/cache/app lies in the layer cache of production")
    assert isinstance(decide(inputs(PRESUBMIT, below, Asked("app", ("buildcache",)))), Success)


def test_run_layers_cannot_be_left_out_of_the_cache() -> None:
    off = replace(CONFIGURATION, cache=replace(CONFIGURATION.cache, run_layers=False))
    (problem,) = problems(inputs(configuration=off))
    assert "cache-run-layers" in problem


# --- one repository for all images: kaniko ------------------------------------------------------------------------


def cache(settings: CacheSettings, *, merged: bool) -> CacheReferences:
    state = POSTSUBMIT if merged else PRESUBMIT
    found = inputs(state, replace(CONFIGURATION, cache=settings), engine="kaniko")
    return decide(found).unwrap().builds[0].request.cache


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


def test_cache_that_is_only_a_host_is_refused() -> None:
    host = replace(CACHE, repository=prefix("reg.example"))
    (problem,) = problems(inputs(configuration=replace(CONFIGURATION, cache=host), engine="kaniko"))
    assert problem.endswith("is only a registry's host, and kaniko needs a repository; write reg.example/cache")
