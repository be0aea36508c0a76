"""The trust matrix over whole plans: unmerged code reaches no production registry, signer or cache with any flag.

Configurations go through the reader and its checks, environments through the detection of CI systems, and both through
the one function that decides.
"""

from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.signing import SignerChoice, decide_signing
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.variant import Variant
from image_builder_domain.trust.history import History, OnBranch
from image_builder_domain.trust.side import Job
from returns.result import Failure, Result, Success

from tests.given import TIME, build_inputs
from tests.jobs import BASE, EVENTS, HEAD, LISTED, MERGED, OTHER, UNMERGED
from tests.unit.domain.trust.plans import UNMERGED_CLASSES, WHOLE, configured, lies_in

ENDPOINT = {"endpoint": "https://sign.example/"}
SIGNING = {
    "enabled-signers": {"*": ["any", "trusted"], "acme/demo": ["pulls", "unmerged"], "acme/other": ["elsewhere"]},
    "signers": [
        {"name": name, "type": "notary", "config": ENDPOINT} | ({"job-type": job_types} if job_types else {})
        for name, job_types in {
            "any": [],
            "trusted": ["postsubmit", "schedule", "workflow_dispatch", "periodic"],
            "pulls": ["presubmit"],
            "unmerged": ["presubmit", "merge_group", "batch"],
            "elsewhere": ["presubmit", "merge_group", "batch"],
        }.items()
    ],
}
REGISTRY = ("reg.example/prod", ["reg.example/prod", "other.example/prod"], "reg.example", None)
DEVELOPMENT = (
    "reg.example/dev",
    ["reg.example/dev", "other.example/dev"],
    "REG.example:443/prod/dev",
    "reg.example",
    None,
)
CACHE = (
    None,
    ("reg.example/cache", None),
    ("reg.example/cache", "reg.example/dev/cache"),
    ("reg.example/dev", None),
    ("reg.example/dev/cache", None),
    ("reg.example/dev/cache", "reg.example/dev/pulls"),
    ("reg.example/dev/cache", "reg.example/dev/cache/pulls"),
    ("reg.example/prod/cache", "reg.example/dev"),
    ("reg.example/cache", "reg.example/prod/pulls"),
    ("other.example/prod", "other.example/dev"),
)
DOCUMENTS = [
    {
        "sign-config": SIGNING,
        "pr-tags-in-registry": pull_tags,
        **({"registry": registry} if registry else {}),
        **({"dev-registry": development} if development else {}),
        **({"cache": {"enabled": True, "cache-repo": cache[0]}} if cache else {}),
        **(
            {"cache": {"enabled": True, "cache-repo": cache[0], "dev-cache-repo": cache[1]}}
            if cache and cache[1]
            else {}
        ),
    }
    for registry, development, cache, pull_tags in product(REGISTRY, DEVELOPMENT, CACHE, (False, True))
]
ASKED = [
    Asked(name, tags, export_tags=bool(tags), backend=backend)
    for backend, name, tags in product(
        ("kaniko", "buildkit"), ("app", "cache/app", "pulls/app", "../prod/app"), ((), ("latest",), ("app=buildcache",))
    )
]


@cache
def configurations() -> list[Result[Configuration, Any]]:
    """The valid ones of all."""
    return [found for found in map(configured, DOCUMENTS) if isinstance(found, Success)]


# The author of a pull request writes variants.yaml.
VARIANTS = ((), (Variant("1.23", (), "variants.yaml:1:1"), Variant("buildcache", (), "variants.yaml:2:1")))


def planned(
    found: Result[Configuration, Any],
    state: Result[GitState, Any],
    flags: Asked,
    variants: tuple[Variant, ...] = (),
    history: History = MappingProxyType({}),
) -> Result[Plan, Any]:
    tags = TagInputs(flags, found, state, TIME, {}, history)
    return decide(build_inputs(tags, Source("/src", "Dockerfile", variants=variants)))


def assert_harmless(plan: Plan, found: Configuration, flags: Asked) -> None:
    """What no plan of unmerged code may do."""
    job_type = plan.job.state.job_type
    assert job_type in UNMERGED_CLASSES
    for build in plan.builds:
        for place in build.destinations:
            if lies_in(place, found.dev_registries):
                assert not lies_in(place, found.registries)
            else:
                assert_only_pull_request_tags(plan, found, flags)
            assert found.cache.repository is None or not lies_in(place, (found.cache.repository,))
        for written in build.request.cache.exports:
            assert lies_in(written, found.dev_registries)
            assert not lies_in(written, found.registries)
            assert found.cache.repository is not None
            assert not lies_in(written, (found.cache.repository,))
    assert_signers(plan.signers, plan.job, found)


def assert_signers(choices: tuple[SignerChoice, ...], job: Job, found: Configuration) -> None:
    """Each chosen signer names the class of the job and is enabled for its repository."""
    enabled = (*found.enabled_signers.get("*", ()), *found.enabled_signers.get(str(job.state.repository), ()))
    for choice in choices:
        if choice.chosen:
            assert job.counts_as in choice.definition.job_types
            assert choice.definition.name in enabled


def assert_only_pull_request_tags(plan: Plan, found: Configuration, flags: Asked) -> None:
    """The one way into the production registry: an administrator's word, no tag of a user, no signature."""
    assert found.pr_tags_in_registry
    assert not found.dev_registries
    assert plan.job.state.job_type is JobType.PRESUBMIT
    assert flags.tags == ()
    assert not any(choice.chosen for choice in plan.signers)
    assert any("production registry" in warning for warning in plan.warnings)


def unmerged_state(job_type: JobType) -> GitState:
    number = 7 if job_type is JobType.PRESUBMIT else None
    commit = None if job_type is JobType.BATCH else HEAD
    refs = f"main,7:{HEAD}" if job_type is JobType.BATCH else None
    return GitState(CiSystem.PROW, job_type, commit, "acme", "demo", number, base_sha=BASE, pull_refs=refs)


@pytest.mark.parametrize("variants", VARIANTS, ids=["one image", "variants"])
@pytest.mark.parametrize("job_type", UNMERGED_CLASSES)
def test_no_configuration_and_no_flag_gives_unmerged_code_more(
    job_type: JobType, variants: tuple[Variant, ...]
) -> None:
    plans = signed = cached = 0
    for found in configurations():
        for flags in ASKED:
            plan = planned(found, Success(unmerged_state(job_type)), flags, variants)
            if isinstance(plan, Success):
                assert_harmless(plan.unwrap(), found.unwrap(), flags)
                plans += 1
                signed += not plan.unwrap().not_signed
                cached += bool(plan.unwrap().builds[0].request.cache.exports)
    # Nothing is proved by refusing everything.
    assert min(plans, signed, cached) >= 10


def test_outside_ci_no_configuration_gives_production_away() -> None:
    """What is not on loopback needs the administrators' word, and nobody's laptop writes production's cache."""
    state = Success(GitState(CiSystem.LOCAL, JobType.LOCAL, HEAD))
    plans = 0
    for found in configurations():
        plan = planned(found, state, ASKED[0])
        if isinstance(plan, Failure):
            continue
        plans += 1
        for build in plan.unwrap().builds:
            assert all(lies_in(place, found.unwrap().dev_registries) for place in build.destinations)
            assert all(lies_in(written, found.unwrap().dev_registries) for written in build.request.cache.exports)
        assert not any(choice.chosen for choice in plan.unwrap().signers)
    assert plans >= 10


@given(st.sampled_from(sorted(UNMERGED)), st.data())
def test_no_variables_give_the_plan_of_unmerged_code_more(name: str, data: st.DataObject) -> None:
    job = UNMERGED[name]
    whole = data.draw(st.sampled_from([{}, *MERGED.values()]))
    job = {found: value for found, value in whole.items() if not job.get(found)} | job
    changed = data.draw(
        st.dictionaries(st.sampled_from(sorted(job)), st.sampled_from(["", "true", "push"]), max_size=1)
    )
    event = Success(EVENTS.get(job.get("GITHUB_EVENT_NAME", ""), {}))
    repository = data.draw(st.sampled_from([None, "acme/demo"]))
    found, flags = data.draw(st.sampled_from(configurations())), data.draw(st.sampled_from(ASKED))
    variants = data.draw(st.sampled_from(VARIANTS))
    plan = planned(found, read_git_state(job | changed, OTHER, repository, event), flags, variants)
    if isinstance(plan, Success):
        assert_harmless(plan.unwrap(), found.unwrap(), flags)


@pytest.mark.parametrize("name", [*UNMERGED, *(f"merged {name}" for name in MERGED)])
@pytest.mark.parametrize("backend", ["kaniko", "buildkit"])
def test_each_job_of_each_ci_system_gets_what_its_class_may_have(name: str, backend: str) -> None:
    is_merged = name.startswith("merged ")
    job = MERGED[name.removeprefix("merged ")] if is_merged else UNMERGED[name]
    state = read_git_state(job, None, None, Success(EVENTS.get(job.get("GITHUB_EVENT_NAME", ""), {})))
    asked, history = Asked("app", backend=backend), {"main": OnBranch.YES}
    plan = planned(configured(WHOLE | LISTED), state, asked, history=history).unwrap()
    (build,) = plan.builds
    kind = "prod" if is_merged else "dev"
    assert {str(place.repository) for place in build.destinations} == {f"reg.example/{kind}/app"}
    assert [choice.definition.name for choice in plan.signers if choice.chosen] == (["any"] if is_merged else ["named"])
    # kaniko keeps the layers of all images in one repository.
    written = ("reg.example/cache" if is_merged else "reg.example/dev/cache") + (
        "/app" if backend == "buildkit" else ""
    )
    assert [str(cache.repository) for cache in build.request.cache.exports] == [written]


IMAGES = [
    *("reg.example/dev/app:v1", "reg.example/prod/app:v1", "reg.example/dev-x/app:v1", "other.example/dev/app:v1"),
    *("REG.example:443/dev/../prod/app:v1", "reg.example:443/dev/app:v1", "reg.example/app:v1", "app:v1"),
]


@pytest.mark.parametrize("job_type", UNMERGED_CLASSES)
def test_unmerged_code_has_nothing_signed_but_images_for_development(job_type: JobType) -> None:
    signed = 0
    for found in configurations():
        for images in ((image,) for image in IMAGES):
            plan = decide_signing(images, TagInputs(Asked(), found, Success(unmerged_state(job_type)), TIME, {}))
            if isinstance(plan, Success):
                signed += 1
                assert all(lies_in(place, found.unwrap().dev_registries) for place in plan.unwrap().references)
                assert not any(lies_in(place, found.unwrap().registries) for place in plan.unwrap().references)
                assert_signers(plan.unwrap().signers, plan.unwrap().job, found.unwrap())
    assert signed >= 10


@pytest.mark.parametrize("job_type", [JobType.MERGE_GROUP, JobType.BATCH])
def test_pr_tags_in_registry_is_for_pull_requests_alone(job_type: JobType) -> None:
    document = {"registry": "reg.example/prod", "pr-tags-in-registry": True}
    plan = planned(configured(document), Success(unmerged_state(job_type)), Asked("app"))
    assert isinstance(plan, Failure)
    assert "dev-registry is missing" in str(plan.failure()[0])
