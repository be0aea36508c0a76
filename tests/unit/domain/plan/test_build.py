"""The plan: destinations, tags, cache and signers of each class of job."""

from dataclasses import replace

import pytest
from image_builder_adapters.notary.settings import SecretKind
from image_builder_domain.configuration.keys import CacheSettings
from image_builder_domain.configuration.trust import CheckoutRules, TrustSettings
from image_builder_domain.job.git_state import GitState, JobType
from image_builder_domain.plan.build import Plan, decide
from image_builder_domain.plan.inputs import Asked, Inputs, TagInputs
from image_builder_domain.problem import refuse
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.trust.checkout import Checkout, CheckoutFacts, Proof
from image_builder_domain.trust.configuration_origin import Origin

from tests.given import TIME
from tests.unit.domain.plan.plans import (
    APP,
    COMMIT,
    CONFIGURATION,
    LOCAL,
    POSTSUBMIT,
    PRESUBMIT,
    inputs,
    prefix,
    problems,
    signer,
)


def planned(found: Inputs) -> Plan:
    return decide(found).unwrap()


def destinations(found: Inputs) -> list[str]:
    return [str(reference) for reference in planned(found).builds[0].destinations]


def test_postsubmit_pushes_every_tag_to_every_production_registry() -> None:
    assert destinations(inputs(asked=Asked("team/app", ("latest",)))) == [
        "reg.example/prod/team/app:latest",
        "mirror.example/team/app:latest",
        "reg.example/prod/team/app:v20260102-abcdef12",
        "mirror.example/team/app:v20260102-abcdef12",
    ]


def test_presubmit_pushes_only_to_the_development_registry() -> None:
    assert destinations(inputs(PRESUBMIT)) == ["reg.example/dev/team/app:PR-7"]


def test_presubmit_without_a_development_registry_is_refused() -> None:
    alone = replace(CONFIGURATION, dev_registries=(), cache=CacheSettings())
    assert problems(inputs(PRESUBMIT, alone)) == [
        "config.yaml: dev-registry is missing, and this job (presubmit) needs it; add dev-registry"
    ]


def test_pull_request_tags_in_the_one_registry_are_never_signed_and_give_a_warning() -> None:
    only = replace(
        CONFIGURATION,
        dev_registries=(),
        pr_tags_in_registry=True,
        cache=CacheSettings(),
        signers=(signer(SecretKind.MTLS, JobType.PRESUBMIT),),
    )
    plan = planned(inputs(PRESUBMIT, only))
    assert [str(found) for found in plan.builds[0].destinations] == [
        "reg.example/prod/team/app:PR-7",
        "mirror.example/team/app:PR-7",
    ]
    assert not any(choice.chosen for choice in plan.signers)
    assert "production registry" in plan.warnings[0]


def test_pull_request_tags_in_the_one_registry_refuse_tags_of_the_user() -> None:
    only = replace(CONFIGURATION, dev_registries=(), pr_tags_in_registry=True, cache=CacheSettings())
    (problem,) = problems(inputs(PRESUBMIT, only, Asked("app", ("latest",))))
    assert problem.startswith("--tag: pr-tags-in-registry")


@pytest.mark.parametrize("registry", ["localhost:5000/prod", "127.0.0.1:5000", "[::1]:5000/prod"])
def test_outside_ci_images_go_to_a_registry_on_loopback_without_a_development_registry(registry: str) -> None:
    found = replace(CONFIGURATION, registries=(prefix(registry),), dev_registries=(), cache=CacheSettings())
    assert destinations(inputs(LOCAL, found)) == [f"{registry}/team/app:v20260102-abcdef12"]


@pytest.mark.parametrize("registry", ["reg.example/prod", "localhost.example", "127.0.0.1.example:5000", "10.0.0.1"])
def test_outside_ci_images_go_to_production_only_if_the_configuration_allows_it(registry: str) -> None:
    loopback = prefix("localhost:5000/prod")
    found = replace(CONFIGURATION, registries=(loopback, prefix(registry)), dev_registries=(), cache=CacheSettings())
    assert problems(inputs(LOCAL, found)) == [
        f"config.yaml: a build outside CI needs a dev-registry: the registry {registry} is not on loopback; "
        "add dev-registry, or the line 'local-publishes: true'"
    ]
    said = replace(found, trust=TrustSettings(local_publishes=True))
    assert f"{registry}/team/app:v20260102-abcdef12" in destinations(inputs(LOCAL, said))
    # A development registry is always the better place.
    both = replace(said, dev_registries=(prefix("reg.example/dev"),))
    assert destinations(inputs(LOCAL, both)) == ["reg.example/dev/team/app:v20260102-abcdef12"]


def test_local_build_prefers_the_development_registry_and_signs_nothing_without_repository() -> None:
    plan = planned(inputs(LOCAL))
    assert str(plan.builds[0].destinations[0]).startswith("reg.example/dev/")
    assert plan.not_signed == "without --repo the sign configuration is not used"


def test_protocol_v1_refuses_several_platforms() -> None:
    v1 = replace(CONFIGURATION, signers=(signer(SecretKind.TOKEN),))
    asked = Asked("app", platforms=("linux/amd64", "linux/386"))
    (problem,) = problems(inputs(configuration=v1, asked=asked))
    assert problem.startswith("config.yaml:9:5: the signer 'notary' cannot sign an image of several platforms")


def test_reproducible_takes_the_time_of_the_commit() -> None:
    assert planned(inputs(configuration=replace(CONFIGURATION, reproducible=True))).builds[
        0
    ].request.source_date_epoch == (1700000000)


def test_reproducible_without_a_time_names_both_sources() -> None:
    unknown = replace(inputs(configuration=replace(CONFIGURATION, reproducible=True)), commit_time=None)
    (problem,) = problems(unknown)
    assert "SOURCE_DATE_EPOCH" in problem
    assert "git" in problem


def test_later_build_argument_wins_and_exported_tags_are_weakest() -> None:
    asked = Asked("app", ("one=1",), ("TAG_one=mine", "A=1", "A=2", "GIVEN"), export_tags=True)
    assert planned(inputs(asked=asked)).builds[0].request.arguments == (
        BuildArgument("TAG_one", "mine"),
        BuildArgument("TAG_default_tag", "v20260102-abcdef12"),
        BuildArgument("A", "2"),
        BuildArgument("GIVEN", "1"),
    )


def test_build_argument_that_looks_secret_is_warned_of_and_hidden() -> None:
    plan = planned(inputs(asked=Asked("app", build_arguments=("MY_TOKEN=hunter22",))))
    assert "MY_TOKEN" in plan.warnings[0]
    assert str(plan.builds[0].request.arguments[0]) == "MY_TOKEN=***"


def test_variable_that_a_tag_uses_and_that_is_not_set_is_warned_of() -> None:
    asked = replace(APP, tags=('x{{ .Env "NOT_THERE" }}',))
    assert "'NOT_THERE', which is not set" in planned(inputs(asked=asked)).warnings[0]


def test_all_problems_are_reported_together() -> None:
    broken = Inputs(
        TagInputs(
            Asked("Bad Name", ("=x",), ("1=2", "UNSET"), ("nonsense",)),
            refuse("config.yaml", "no such file"),
            refuse("PULL_BASE_SHA", "not set"),
            TIME,
            {},
        ),
        refuse("--backend", "there is no engine"),
        refuse("--context", "no such directory"),
        None,
    )
    found = problems(broken)
    for where in (
        "config.yaml",
        "--backend",
        "PULL_BASE_SHA",
        "--context",
        "--name",
        "--platform",
        "--build-arg",
        "--tag",
    ):
        assert any(problem.startswith(where) for problem in found), where
    assert len(found) == len(set(found))
    assert sum(problem.startswith("--build-arg") for problem in found) == 2


@pytest.mark.parametrize(
    "name", ["../prod/x", "a//b", "/a", "a/", "UP", "a:b", "a@b", "a b", "https://x/y", "a,b", '"a"']
)
def test_name_never_leaves_its_registry(name: str) -> None:
    found = problems(inputs(asked=Asked(name)))
    assert all(problem.startswith("--name") for problem in found)
    assert "registry.invalid" not in "".join(found)


# --- the checkout -------------------------------------------------------------------------------------------------


def with_checkout(state: GitState, **facts: object) -> Inputs:
    found = inputs(state)
    return replace(found, checkout=replace(found.checkout, **facts))  # type: ignore[arg-type]  # fields by name


def test_the_plan_says_how_the_checkout_was_compared() -> None:
    assert planned(inputs()).checkout == Proof("HEAD of '/src' is the claimed commit")


def test_another_commit_is_refused_together_with_everything_else() -> None:
    other = replace(with_checkout(POSTSUBMIT, found=Checkout("/src", "4" * 40)))
    wrong = replace(other, tags=replace(other.tags, asked=Asked("UP")))
    found = problems(wrong)
    assert any(problem.startswith("/src: HEAD is 4444") for problem in found)
    assert any(problem.startswith("--name") for problem in found)


def test_production_is_refused_if_the_checkout_was_not_compared() -> None:
    assert "there is no .git" in problems(replace(inputs(), checkout=CheckoutFacts()))[0]
    allowed = replace(CONFIGURATION, checkout_check=CheckoutRules(none=True))
    assert not planned(replace(inputs(configuration=allowed), checkout=CheckoutFacts())).checkout.is_checked


def test_files_that_differ_from_head_are_warned_of_on_every_side() -> None:
    for state in (POSTSUBMIT, PRESUBMIT, LOCAL):
        dirty = Checkout("/src", COMMIT, frozenset(), modified=("app.go",))
        assert any("'app.go'" in warning for warning in planned(with_checkout(state, found=dirty)).warnings)


def test_unmerged_code_brings_no_configuration_of_its_own_in_prow() -> None:
    found = inputs(PRESUBMIT)
    (problem,) = problems(replace(found, tags=replace(found.tags, origin=Origin.ALONE)))
    assert problem.startswith("--config: 'config.yaml' lies in the checkout")


def test_a_credential_in_the_build_context_is_an_alert_in_ci_and_a_warning_elsewhere() -> None:
    facts = {"copies_git": True, "credentials": ("s3cret",)}
    assert "credential" in planned(with_checkout(POSTSUBMIT, **facts)).alerts[0]
    local = planned(with_checkout(LOCAL, **facts))
    assert local.alerts == ()
    assert any("credential" in warning for warning in local.warnings)
    assert planned(with_checkout(POSTSUBMIT, copies_git=True)).alerts == ()


# --- what the engine refuses, or needs no time for ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "asked", "refusal"),
    [
        ("kaniko", Asked("app", platforms=("linux/amd64", "linux/arm64")), "kaniko builds one platform at a time"),
        ("kaniko", Asked("app", target="a,b"), "the target 'a,b' is not the name of a stage"),
        (
            "buildkit",
            Asked("app", build_arguments=("A=\udcff",)),
            "the build argument A holds bytes",
        ),
    ],
)
def test_what_the_engine_cannot_carry_out_is_refused(engine: str, asked: Asked, refusal: str) -> None:
    (problem,) = problems(inputs(asked=asked, engine=engine))
    assert problem.startswith(f"--backend {engine}: {refusal}")
    assert problem.endswith("; leave that out, or choose another")


def test_kaniko_builds_one_platform_that_is_named_twice() -> None:
    plan = planned(inputs(asked=Asked("app", platforms=("linux/arm64", "linux/arm64")), engine="kaniko"))
    assert (plan.backend, plan.title, len(plan.builds[0].request.platforms)) == ("kaniko", "kaniko", 1)


def test_bytes_of_an_argument_for_kaniko_need_not_be_utf8() -> None:
    plan = planned(inputs(asked=Asked("app", build_arguments=("A= a=b\udcff\n'",)), engine="kaniko"))
    assert plan.builds[0].request.arguments[0].value == " a=b\udcff\n'"


def test_an_engine_that_strips_timestamps_needs_no_time() -> None:
    reproducible = replace(CONFIGURATION, reproducible=True)
    plan = planned(inputs(configuration=reproducible, engine="kaniko", commit_time=None))
    assert plan.builds[0].request.source_date_epoch == 0


@pytest.mark.parametrize(
    ("order", "signs_when_built", "order_when_published"),
    [
        (TagOrder.AFTER_SIGNING, True, TagOrder.AFTER_SIGNING),
        (TagOrder.BEFORE_SIGNING, True, TagOrder.BEFORE_SIGNING),
        (TagOrder.LATER, False, TagOrder.AFTER_SIGNING),
    ],
)
def test_nobody_signs_in_the_run_that_builds_when_tags_are_written_later(
    order: TagOrder, signs_when_built: bool, order_when_published: TagOrder
) -> None:
    plan = planned(inputs(configuration=replace(CONFIGURATION, tag_order=order)))
    assert plan.tag_order is order
    assert not plan.not_signed
    assert any(choice.chosen for choice in plan.as_built().signers) is signs_when_built
    assert bool(plan.as_built().not_signed) is not signs_when_built
    assert (plan.as_published().tag_order, plan.as_published().signers) == (order_when_published, plan.signers)
