"""Which rule each tag obeys, ``--move-back``, and what images say of themselves."""

from dataclasses import replace

import pytest
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.tag_pattern import TagPattern
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.build import decide
from image_builder_domain.plan.inputs import Asked
from image_builder_domain.publish.tag_rule import TagRule
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.variant import Variant
from returns.result import Success

from tests.unit.domain.plan.plans import COMMIT, CONFIGURATION, POSTSUBMIT, PRESUBMIT, inputs, problems

RELEASES = replace(
    CONFIGURATION,
    moving_tags=(TagPattern("latest"), TagPattern("stable-*")),
    immutable_tags=(TagPattern("v*"),),
)
TAGS = Asked("app", ("latest", "stable-1", "edge"))


def rules(
    state: GitState = POSTSUBMIT, configuration: Configuration = RELEASES, asked: Asked = TAGS
) -> dict[str, TagRule]:
    plan = decide(inputs(state, configuration, asked)).unwrap()
    places = (place for build in plan.builds for place in build.destinations)
    return {str(place): plan.tag_rules.of(place) for place in places}


def test_patterns_decide_the_rule_of_each_tag_in_each_production_registry() -> None:
    by_tag = {
        "latest": TagRule.MOVING,
        "stable-1": TagRule.MOVING,
        "edge": TagRule.ORDINARY,
        "v20260102-abcdef12": TagRule.IMMUTABLE,
    }
    places = ("reg.example/prod/app", "mirror.example/app")
    assert rules() == {f"{place}:{tag}": rule for tag, rule in by_tag.items() for place in places}


def test_the_development_registry_has_no_rules() -> None:
    found = rules(PRESUBMIT)
    assert found
    assert set(found.values()) == {TagRule.ORDINARY}


def test_a_tag_that_is_moving_and_immutable_is_refused() -> None:
    both = replace(RELEASES, immutable_tags=(TagPattern("*"),))
    assert problems(inputs(configuration=both, asked=TAGS)) == [
        f"config.yaml: the tag {tag!r} matches both moving-tags and immutable-tags; "
        "change one of them; 'moving-tags: []' makes no tag moving"
        for tag in ("latest", "stable-1")
    ]


def test_move_back_names_moving_tags_of_a_production_build() -> None:
    found = rules(asked=replace(TAGS, move_back=("latest",)))
    assert [place for place, rule in found.items() if rule is TagRule.MOVING_BACK] == [
        "reg.example/prod/app:latest",
        "mirror.example/app:latest",
    ]


@pytest.mark.parametrize(
    ("state", "asked", "problem"),
    [
        (
            POSTSUBMIT,
            replace(TAGS, move_back=("lates",)),
            "--move-back: 'lates' is not a moving tag of this build; did you mean 'latest'?",
        ),
        (
            POSTSUBMIT,
            Asked("app", move_back=("latest",)),
            "--move-back: 'latest' is not a moving tag of this build; list it in moving-tags, and give it with --tag",
        ),
        (
            PRESUBMIT,
            replace(TAGS, move_back=("latest",)),
            "--move-back: only production moves a tag back, and this job (presubmit) is not on the production side; "
            "run it in a job of a production ref",
        ),
    ],
)
def test_other_tags_are_not_moved_back(state: GitState, asked: Asked, problem: str) -> None:
    assert problems(inputs(state, RELEASES, asked)) == [problem]


def test_every_image_says_where_it_comes_from() -> None:
    state = GitState(CiSystem.PROW, JobType.POSTSUBMIT, COMMIT, "acme", "demo", host="github.com")
    (build,) = decide(inputs(state, asked=Asked("team/app"))).unwrap().builds
    assert build.request.labels == build.request.annotations
    assert dict(build.request.labels) == {
        "org.opencontainers.image.source": "https://github.com/acme/demo",
        "org.opencontainers.image.revision": COMMIT,
        "org.opencontainers.image.title": "team/app",
        "org.opencontainers.image.version": "abcdef12",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "dev.image-builder.commit-time": "1700000000",
    }


def test_the_rule_of_a_variant_is_that_of_the_tag_before_its_suffix() -> None:
    variants = (Variant("a", (), "variants.yaml:1:1"), Variant("latest", (), "variants.yaml:2:1"))
    given = inputs(configuration=RELEASES, asked=Asked("app", ("latest", "edge"), move_back=("latest",)))
    plan = decide(replace(given, source=Success(Source("/src", "Dockerfile", variants=variants)))).unwrap()
    places = [place for build in plan.builds for place in build.destinations]
    found = {place.tag: plan.tag_rules.of(place) for place in places}
    assert found == {
        "latest-a": TagRule.MOVING_BACK,
        "edge-a": TagRule.ORDINARY,
        "v20260102-abcdef12-a": TagRule.IMMUTABLE,
        "latest-latest": TagRule.MOVING_BACK,
        "edge-latest": TagRule.ORDINARY,
        "v20260102-abcdef12-latest": TagRule.IMMUTABLE,
    }
