"""The trust matrix over whole plans: unmerged code reaches no production registry, signer or cache, whatever is asked.

Configurations go through the reader and its checks, environments through the detection of CI systems, and both through
the one function that decides.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_builder_adapters.yaml_reader import parse_document
from image_builder_domain.build_inputs import Inputs, Source
from image_builder_domain.configuration import Configuration, configuration
from image_builder_domain.git_state import CiSystem, GitState, read_git_state
from image_builder_domain.inputs import Asked, TagInputs
from image_builder_domain.job_type import JobType
from image_builder_domain.plan import Plan, decide
from image_builder_domain.reference import ImageReference
from image_builder_domain.registry_prefix import RegistryPrefix
from returns.result import Failure, Result, Success

from tests.unit.jobs import BASE, EVENTS, HEAD, MERGED, OTHER, UNMERGED

UNMERGED_CLASSES = (JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH)
PLACES = ["reg.example/prod", "reg.example/dev", "REG.example:443/dev", "reg.example/dev/cache", "reg.example/cache",
          "reg.example", "other.example/dev", "reg.example/dev/team", "docker.io/acme", "acme"]  # fmt: skip
places = st.sampled_from(PLACES)
registries = places | st.lists(places, min_size=1, max_size=3)
signers = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["one", "two", "three"]),
            "type": st.just("notary"),
            "config": st.just({"endpoint": "https://sign.example/"}),
        },
        optional={
            "job-type": st.lists(
                st.sampled_from([found.value for found in JobType if found is not JobType.LOCAL]), max_size=3
            )
        },
    ),
    max_size=3,
    unique_by=lambda signer: str(signer["name"]),
)
caches = st.fixed_dictionaries({"enabled": st.booleans()}, optional={"cache-repo": places, "dev-cache-repo": places})
documents = signers.flatmap(
    lambda defined: st.fixed_dictionaries(
        {
            "sign-config": st.fixed_dictionaries(
                {
                    "signers": st.just(defined),
                    "enabled-signers": st.dictionaries(
                        st.sampled_from(["*", "acme/demo", "acme/tools/demo", "acme/other"]),
                        st.lists(st.sampled_from([str(signer["name"]) for signer in defined] or ["none"]), max_size=3),
                    )
                    if defined
                    else st.just({}),
                }
            )
        },
        optional={
            "registry": registries,
            "dev-registry": registries,
            "pr-tags-in-registry": st.booleans(),
            "cache": caches,
            "default-pr-tag": st.sampled_from(["latest", "PR-{{ .PRNumber }}"]),
            "default-merge-group-tag": st.just("group-{{ .ShortSHA }}"),
            "reproducible": st.booleans(),
        },
    )
)
asked = st.builds(
    Asked,
    name=st.sampled_from(["app", "cache/app", "team/app", "dev/app", "prod/app", "../prod/app"]),
    tags=st.lists(st.sampled_from(["latest", "buildcache", "v1"]), max_size=2).map(tuple),
    platforms=st.sampled_from([(), ("linux/amd64",)]),
    export_tags=st.booleans(),
)


def configured(document: dict[str, Any]) -> Result[Configuration, Any]:
    text = yaml.safe_dump(document)
    return parse_document(text, "config.yaml").bind(lambda found: configuration(found, "config.yaml"))


def planned(document: dict[str, Any], state: Result[GitState, Any], flags: Asked) -> Result[Plan, Any]:
    tags = TagInputs(flags, configured(document), state, datetime(2026, 1, 2, tzinfo=UTC), {})
    return decide(Inputs(tags, Success(Source("/src", "Dockerfile")), 1700000000))


def lies_in(reference: ImageReference, prefixes: tuple[RegistryPrefix, ...]) -> bool:
    return any(prefix.contains(reference.repository) for prefix in prefixes)


def assert_harmless(plan: Plan, found: Configuration, flags: Asked) -> None:
    """What no plan of unmerged code may do."""
    job_type = plan.git_state.job_type
    assert job_type in UNMERGED_CLASSES
    for build in plan.builds:
        for place in build.destinations:
            if lies_in(place, found.dev_registries):
                assert not lies_in(place, found.registries)
            else:
                assert_only_pull_request_tags(plan, found, flags)
            assert found.cache.repository is None or not lies_in(place, (found.cache.repository,))
        for cache in build.cache.exports:
            assert lies_in(cache, found.dev_registries)
            assert not lies_in(cache, found.registries)
            assert found.cache.repository is not None
            assert not lies_in(cache, (found.cache.repository,))
    for choice in plan.signers:
        if choice.chosen:
            assert job_type in choice.definition.job_types
            enabled = (
                *found.enabled_signers.get("*", ()),
                *found.enabled_signers.get(str(plan.git_state.repository), ()),
            )
            assert choice.definition.name in enabled


def assert_only_pull_request_tags(plan: Plan, found: Configuration, flags: Asked) -> None:
    """The one way into the production registry: an administrator's word, no tag of a user, no signature."""
    assert found.pr_tags_in_registry
    assert not found.dev_registries
    assert plan.git_state.job_type is JobType.PRESUBMIT
    assert flags.tags == ()
    assert not any(choice.chosen for choice in plan.signers)
    assert any("production registry" in warning for warning in plan.warnings)


def unmerged_state(job_type: JobType) -> GitState:
    number = 7 if job_type is JobType.PRESUBMIT else None
    commit = None if job_type is JobType.BATCH else HEAD
    refs = f"main,7:{HEAD}" if job_type is JobType.BATCH else None
    return GitState(CiSystem.PROW, job_type, commit, "acme", "demo", number, base_sha=BASE, pull_refs=refs)


slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)


@pytest.mark.parametrize("job_type", UNMERGED_CLASSES)
@slow
@given(documents, asked)
def test_no_configuration_and_no_flag_gives_unmerged_code_more(
    job_type: JobType, document: dict[str, Any], flags: Asked
) -> None:
    plan = planned(document, Success(unmerged_state(job_type)), flags)
    if isinstance(plan, Success):
        assert_harmless(plan.unwrap(), configured(document).unwrap(), flags)


@slow
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
    document, flags = data.draw(documents), data.draw(asked)
    plan = planned(document, read_git_state(job | changed, OTHER, repository, event), flags)
    if isinstance(plan, Success):
        assert_harmless(plan.unwrap(), configured(document).unwrap(), flags)


WHOLE: dict[str, Any] = {
    "registry": "reg.example/prod",
    "dev-registry": "reg.example/dev",
    "cache": {"enabled": True, "cache-repo": "reg.example/cache", "dev-cache-repo": "reg.example/dev/cache"},
    "sign-config": {
        "enabled-signers": {"*": ["any", "named"]},
        "signers": [
            {"name": "any", "type": "notary", "config": {"endpoint": "https://sign.example/"}},
            {
                "name": "named",
                "type": "notary",
                "job-type": [found.value for found in UNMERGED_CLASSES],
                "config": {"endpoint": "https://sign.example/"},
            },
        ],
    },
}


@pytest.mark.parametrize("name", [*UNMERGED, *(f"merged {name}" for name in MERGED)])
def test_each_job_of_each_ci_system_gets_what_its_class_may_have(name: str) -> None:
    is_merged = name.startswith("merged ")
    job = MERGED[name.removeprefix("merged ")] if is_merged else UNMERGED[name]
    state = read_git_state(job, None, None, Success(EVENTS.get(job.get("GITHUB_EVENT_NAME", ""), {})))
    plan = planned(WHOLE, state, Asked("app")).unwrap()
    (build,) = plan.builds
    kind = "prod" if is_merged else "dev"
    assert {str(place.repository) for place in build.destinations} == {f"reg.example/{kind}/app"}
    assert [choice.definition.name for choice in plan.signers if choice.chosen] == (["any"] if is_merged else ["named"])
    written = "reg.example/cache/app" if is_merged else "reg.example/dev/cache/app"
    assert [str(cache.repository) for cache in build.cache.exports] == [written]


@pytest.mark.parametrize("job_type", [JobType.MERGE_GROUP, JobType.BATCH])
def test_pr_tags_in_registry_is_for_pull_requests_alone(job_type: JobType) -> None:
    document = {"registry": "reg.example/prod", "pr-tags-in-registry": True}
    plan = planned(document, Success(unmerged_state(job_type)), Asked("app"))
    assert isinstance(plan, Failure)
    assert "dev-registry is missing" in str(plan.failure()[0])
