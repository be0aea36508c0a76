"""The builds of a plan: variants, destinations that must not collide, arguments and what is warned of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.configuration.keys import CacheSettings
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.inputs import Asked, Inputs
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.dockerfile import declared_arguments
from image_builder_domain.source.variant import Variant
from returns.result import Success

from tests.unit.domain.plan.plans import CONFIGURATION, PRESUBMIT, inputs, problems

DECLARED = declared_arguments("ARG BEFORE\nFROM x\nARG VERSION\nARG OTHER\nARG TAG_latest\n")


def variant(name: str, **arguments: str) -> Variant:
    return Variant(name, tuple(BuildArgument(*pair) for pair in arguments.items()), f"variants.yaml:{name}")


def with_source(found: Inputs, *variants: Variant, env_file: tuple[BuildArgument, ...] | None = None) -> Inputs:
    return replace(found, source=Success(Source("/src", "Dockerfile", DECLARED, variants, env_file)), processors=4)


def planned(asked: Asked, *variants: Variant, env_file: tuple[BuildArgument, ...] | None = None) -> Plan:
    return decide(with_source(inputs(asked=asked), *variants, env_file=env_file)).unwrap()


def test_each_variant_is_a_build_whose_tags_end_in_its_name() -> None:
    plan = planned(Asked("app", ("latest",)), variant("main", VERSION="1"), variant("1.23", VERSION="2"))
    assert [build.request.variant for build in plan.builds] == ["main", "1.23"]
    assert [str(place) for place in plan.builds[1].destinations] == [
        "reg.example/prod/app:latest-1.23",
        "mirror.example/app:latest-1.23",
        "reg.example/prod/app:v20260102-abcdef12-1.23",
        "mirror.example/app:v20260102-abcdef12-1.23",
    ]
    assert plan.builds[1].request.arguments == (BuildArgument("VERSION", "2"),)
    assert [tag.value for tag in plan.tags] == ["latest", "v20260102-abcdef12"]


def test_each_variant_has_a_cache_of_its_own() -> None:
    plan = decide(with_source(inputs(PRESUBMIT, asked=Asked("app")), variant("a"))).unwrap()
    cache = plan.builds[0].request.cache
    assert [str(place) for place in cache.imports] == [
        "reg.example/cache/app:buildcache-a",
        "reg.example/dev/cache/app:buildcache-a",
    ]
    assert [str(place) for place in cache.exports] == ["reg.example/dev/cache/app:buildcache-a"]


def test_a_single_variant_keeps_its_name_in_the_tag() -> None:
    plan = planned(Asked("app", variant="b"), variant("a"), variant("b"))
    assert [build.request.variant for build in plan.builds] == ["b"]
    assert str(plan.builds[0].destinations[0]).endswith("-b")


def test_variants_that_would_meet_at_one_place_are_refused() -> None:
    found = with_source(inputs(asked=Asked("app", ("v1", "v1-a"))), variant("a-b"), variant("b"))
    assert problems(found) == [
        f"--tag: the variants 'a-b' and 'b' would both be pushed to {host}/app:v1-a-b; "
        "rename one of the tags or variants"
        for host in ("reg.example/prod", "mirror.example")
    ]


def test_tag_that_grows_too_long_with_its_variant_is_refused() -> None:
    tag = "x" * 126
    assert decide(with_source(inputs(asked=Asked("app", (f"n={tag}",))), variant("a"))).map(lambda _: True) == Success(
        True
    )
    (problem,) = problems(with_source(inputs(asked=Asked("app", (f"n={tag}",))), variant("ab")))
    assert problem.startswith(f"variants.yaml:ab: '{tag}-ab' is not a tag")


def test_an_image_never_takes_the_place_of_its_own_cache() -> None:
    same = replace(CONFIGURATION, cache=CacheSettings(True, RegistryPrefix.parse("reg.example/prod").unwrap()))
    plain = inputs(configuration=same, asked=Asked("app", ("buildcache",)))
    assert problems(plain) == [
        "--tag: reg.example/prod/app:buildcache is both a destination and a layer cache; "
        "choose another tag, or another cache-repo"
    ]
    assert problems(with_source(inputs(configuration=same, asked=Asked("app", ("buildcache",))), variant("a")))


def test_unknown_variant_is_reported_with_all_other_problems() -> None:
    found = problems(with_source(inputs(asked=Asked("Bad", platforms=("x",), variant="c")), variant("a"), variant("b")))
    assert any(problem.startswith("--variant: there is no variant 'c'; variants.yaml has a, b") for problem in found)
    assert any(problem.startswith("--platform") for problem in found)
    assert any(problem.startswith("--name") for problem in found)


@pytest.mark.parametrize(
    ("asked", "builds", "at_once"),
    [
        pytest.param(Asked("app"), 3, 3, id="no more than there are"),
        pytest.param(Asked("app"), 6, 4, id="as many as there are processors"),
        pytest.param(Asked("app", max_parallel=2), 3, 2, id="as asked"),
        pytest.param(Asked("app", max_parallel=9), 6, 6, id="more than processors when asked"),
    ],
)
def test_builds_at_the_same_time(asked: Asked, builds: int, at_once: int) -> None:
    assert planned(asked, *(variant(f"v{number}") for number in range(builds))).max_parallel == at_once


def test_arguments_go_from_weak_to_strong_and_stay_where_they_stood_first() -> None:
    own = variant("v", VERSION="variant", OTHER="variant", TAG_latest="variant", BEFORE="variant")
    env_file = (BuildArgument("OTHER", "file"), BuildArgument("BEFORE", "file"), BuildArgument("BEFORE", "file again"))
    asked = Asked("app", ("latest",), ("BEFORE=flag",), export_tags=True)
    assert planned(asked, own, env_file=env_file).builds[0].request.arguments == (
        BuildArgument("VERSION", "variant"),
        BuildArgument("OTHER", "file"),
        BuildArgument("TAG_latest", "latest"),
        BuildArgument("BEFORE", "flag"),
        BuildArgument("TAG_default_tag", "v20260102-abcdef12"),
    )


def test_bytes_of_a_build_argument_are_kept() -> None:
    text = " a=bü\n\t'\"$x "
    assert planned(Asked("app", build_arguments=(f"VERSION={text}",))).builds[0].request.arguments[0].value == text


def warnings(asked: Asked, *variants: Variant, env_file: tuple[BuildArgument, ...] | None = None) -> list[str]:
    return list(planned(asked, *variants, env_file=env_file).warnings)


def test_argument_that_nothing_declares_is_warned_of_once_with_the_nearest_name() -> None:
    asked = Asked("app", build_arguments=("VERSOIN=1", "VERSOIN=2", "VERSION=3"))
    assert warnings(asked, variant("a"), variant("b")) == [
        "--build-arg: the Dockerfile does not declare VERSOIN with ARG, so it has no effect; did you mean 'VERSION'?"
    ]


def test_argument_of_an_env_file_that_nothing_declares_is_warned_of() -> None:
    found = warnings(Asked("app"), env_file=(BuildArgument("NOPE_AT_ALL", "1"),))
    assert found[0] == "--env-file is deprecated; use --build-arg NAME=value"
    assert found[1].startswith("--env-file: the Dockerfile does not declare NOPE_AT_ALL")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "BUILDKIT_INLINE_CACHE", "SOURCE_DATE_EPOCH"])
def test_argument_that_engines_know_is_not_warned_of(name: str) -> None:
    assert warnings(Asked("app", build_arguments=(f"{name}=1",))) == []


def test_exported_tags_are_warned_of_only_when_the_dockerfile_wants_none() -> None:
    assert warnings(Asked("app", ("latest",), export_tags=True)) == []
    assert warnings(Asked("app", export_tags=True)) == [
        "--export-tags: the Dockerfile declares none of TAG_default_tag with ARG, so it has no effect"
    ]


def test_argument_that_no_stage_sees_is_warned_of() -> None:
    (found,) = warnings(Asked("app"), variant("a", BEFORE="1"))
    assert found.startswith("the build argument BEFORE is declared only before the first FROM")


def test_secret_in_several_variants_is_warned_of_once() -> None:
    found = decide(
        replace(
            with_source(inputs(), variant("a", MY_TOKEN="hunter21"), variant("b", MY_TOKEN="hunter22")),
        )
    ).unwrap()
    assert [text for text in found.warnings if "secret" in text] == [
        "the build argument MY_TOKEN looks like a secret; it is passed, and stays readable in the image"
    ]
    assert "hunter2" not in "".join(found.warnings)


def test_encoded_tags_come_after_plain_ones() -> None:
    plan = planned(Asked("app", ("one",), tag_base64="dHdvLHRocmVlPXt7IC5EYXRlIH19"))
    assert [f"{tag.name}={tag.value}" for tag in plan.tags[:3]] == ["one=one", "two=two", "three=20260102"]


def test_encoded_tags_are_refused_where_a_pull_request_may_not_choose_any() -> None:
    only = replace(CONFIGURATION, dev_registries=(), pr_tags_in_registry=True, cache=CacheSettings())
    (problem,) = problems(inputs(PRESUBMIT, only, Asked("app", tag_base64="bGF0ZXN0")))
    assert problem.startswith("--tag: pr-tags-in-registry")


def test_bad_element_of_an_encoded_list_is_reported_with_its_flag() -> None:
    assert problems(inputs(asked=Asked("app", tag_base64="YSwsYg==")))[0].startswith("--tag-base64: the tag is empty")


@given(
    st.text(alphabet="ab./-_:@A", max_size=12),
    st.text(alphabet="ab./-_:@A{}", min_size=1, max_size=12),
    st.text(alphabet="ab.-_", min_size=1, max_size=8),
)
def test_every_destination_is_a_reference_below_its_registry(name: str, tag: str, suffix: str) -> None:
    plan = decide(with_source(inputs(asked=Asked(name, (f"n={tag}",))), variant(suffix)))
    for build in plan.map(lambda found: found.builds).value_or(()):
        for place in map(str, build.destinations):
            assert place.startswith((f"reg.example/prod/{name}:", f"mirror.example/{name}:"))
            assert str(ImageReference.parse(place).unwrap()) == place
            assert place.endswith(f"-{suffix}")


def test_what_is_little_each_may_be_too_much_together() -> None:
    variants = tuple(variant(f"v{number}") for number in range(500))
    tags = tuple(f"t{number}" for number in range(100))
    (problem,) = problems(with_source(inputs(asked=Asked("app", tags)), *variants))
    assert problem == (
        "--tag: 101 tags, 2 registries and 500 variants make 101000 destinations, and at most 100000 are possible; "
        "give fewer tags"
    )


def test_a_variable_that_nobody_expanded_is_warned_of() -> None:
    plan = planned(Asked("app", build_arguments=("VERSION=PR-$(PULL_NUMBER)", "OTHER=$(x y) $HOME")))
    (warning,) = [found for found in plan.warnings if "nobody expanded" in found]
    assert warning.startswith("--build-arg: the value of VERSION holds $(PULL_NUMBER) as it is")


def test_a_target_that_is_not_a_stage_is_refused() -> None:
    (problem,) = problems(with_source(inputs(asked=Asked("app", target="nope"))))
    assert problem.startswith("--target: the Dockerfile 'Dockerfile' has no stage 'nope'")
