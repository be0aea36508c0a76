"""The configuration file: every key, and every mistake with its place and its remedy (specification, section 2)."""

import pytest
from image_builder_domain.configuration.keys import (
    DEFAULT_COMMIT_TAG,
    DEFAULT_PR_TAG,
    CacheSettings,
    Configuration,
)
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.problem import Problem
from image_builder_domain.tag import TagSpec

from tests.given import loaded

EXAMPLE = """\
registry: eu.gcr.io/kyma-project
reproducible: true
log-format: json
cache:
  enabled: true
  cache-repo: eu.gcr.io/sap-kyma-neighbors-dev/cache
  cache-run-layers: true
"""


def load(text: str) -> Configuration:
    return loaded(text).unwrap()


def problems(text: str) -> tuple[Problem, ...]:
    return loaded(text).failure()


def problem(text: str) -> str:
    (only,) = problems(text)
    return str(only)


def prefix(text: str) -> RegistryPrefix:
    return RegistryPrefix.parse(text).unwrap()


def test_the_example_of_the_specification_loads() -> None:
    assert load(EXAMPLE) == Configuration(
        file="config.yaml",
        registries=(prefix("eu.gcr.io/kyma-project"),),
        reproducible=True,
        log_format="json",
        cache=CacheSettings(enabled=True, repository=prefix("eu.gcr.io/sap-kyma-neighbors-dev/cache")),
    )


def test_what_is_left_out_has_its_default() -> None:
    found = load("{}")
    assert found == Configuration("config.yaml")
    assert (found.commit_tag, found.pr_tag) == (DEFAULT_COMMIT_TAG, DEFAULT_PR_TAG)
    assert (found.commit_tag.template, found.pr_tag.template) == ("v{{ .Date }}-{{ .ShortSHA }}", "PR-{{ .PRNumber }}")
    assert (found.cache.enabled, found.cache.run_layers, found.cache.copy_layers) == (False, True, False)


@pytest.mark.parametrize("value", ["reg.example/a", "[reg.example/a]"])
def test_registries_are_one_or_a_list(value: str) -> None:
    found = load(f"registry: {value}\ndev-registry: [reg.example/d, reg.example/e]")
    assert found.registries == (prefix("reg.example/a"),)
    assert found.dev_registries == (prefix("reg.example/d"), prefix("reg.example/e"))


@pytest.mark.parametrize("key", ["tag-template", "default-commit-tag"])
def test_the_commit_tag_has_two_names(key: str) -> None:
    assert load(f"{key}: v1").commit_tag == TagSpec("default_tag", "v1", f"config.yaml:1:{len(key) + 3}: {key}")


def test_both_names_of_the_commit_tag_are_refused() -> None:
    text = problem("tag-template: a\ndefault-commit-tag: b")
    assert text.startswith("config.yaml:2:1: tag-template and default-commit-tag exclude each other")


def test_every_default_tag_is_text_or_a_mapping() -> None:
    found = load(
        "default-pr-tag: {value: pr}\n"
        "default-merge-group-tag: {name: queue, value: mg, validation: 'm.'}\n"
        "additional-pr-tag: extra\n"
    )
    assert (found.pr_tag.name, found.pr_tag.template, found.pr_tag.validation) == ("default_tag", "pr", None)
    group, extra = found.merge_group_tag, found.additional_pr_tag
    assert group is not None
    assert (group.name, group.template, group.validation) == ("queue", "mg", "m.")
    assert extra is not None
    assert (extra.name, extra.template) == ("additional_tag", "extra")


def test_every_key_of_the_cache() -> None:
    found = load(
        "dev-registry: reg.example/dev\n"
        "cache:\n"
        "  enabled: true\n"
        "  cache-repo: reg.example/cache\n"
        "  dev-cache-repo: reg.example/dev/cache\n"
        "  cache-run-layers: false\n"
        "  cache-copy-layers: true\n"
    )
    assert found.cache == CacheSettings(
        True, prefix("reg.example/cache"), prefix("reg.example/dev/cache"), run_layers=False, copy_layers=True
    )


@pytest.mark.parametrize("word", ["color", "text", "json"])
def test_log_formats(word: str) -> None:
    assert load(f"log-format: {word}").log_format == word


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "y"])
def test_a_boolean_may_be_written_in_every_way_of_yaml(word: str) -> None:
    assert load(f"pr-tags-in-registry: {word}").pr_tags_in_registry is True


@pytest.mark.parametrize("word", ["1.10", "no", "0x10", "true", "2026-01-02", "1e3", "010"])
def test_text_stays_as_written(word: str) -> None:
    assert load(f"tag-template: {word}").commit_tag.template == word


@pytest.mark.parametrize(
    ("text", "place", "reported"),
    [
        pytest.param("registery: a", "config.yaml:1:1", ["'registery'", "did you mean 'registry'"], id="top"),
        pytest.param("cache:\n  enabeld: true", "config.yaml:2:3", ["'cache.enabeld'", "'enabled'"], id="cache"),
        pytest.param(
            "cache: {xyz: 1}", "config.yaml:1:9", ["known are cache-copy-layers, cache-repo"], id="nothing near"
        ),
        pytest.param("tag-template: {value: a, nam: b}", "config.yaml:1:26", ["'name'"], id="tag"),
        pytest.param("sign-config: {signer: []}", "config.yaml:1:15", ["'signers'"], id="sign-config"),
        pytest.param("Registry: a", "config.yaml:1:1", ["'registry'"], id="case matters"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(text: str, place: str, reported: list[str]) -> None:
    found = problem(text)
    assert found.startswith(f"{place}: unknown key")
    assert [word for word in reported if word not in found] == []


@pytest.mark.parametrize(
    ("text", "place", "reported"),
    [
        pytest.param("[a]", "1:1", "the file must be a mapping, not a list", id="the file is a list"),
        pytest.param("text", "1:1", "the file must be a mapping, not 'text'", id="the file is text"),
        pytest.param("registry: {a: b}", "1:11", "registry must be text, not a mapping", id="mapping for text"),
        pytest.param("registry: [[a]]", "1:12", "registry[0] must be text, not a list", id="list for text"),
        pytest.param(
            "registry: []", "1:11", "registry must be a list of at least one, not an empty list", id="empty list"
        ),
        pytest.param("registry:", "1:10", "registry has no value", id="nothing"),
        pytest.param("registry: ''", "1:11", "registry has no value", id="empty text"),
        pytest.param("registry: ~", "1:11", "registry has no value", id="null"),
        pytest.param("registry: https://reg.example/a", "1:11", "leave out the scheme", id="scheme"),
        pytest.param("registry: [reg.example, reg.example/]", "1:25", "write host[:port][/path]", id="trailing slash"),
        pytest.param("reproducible: 'true'", "1:15", "reproducible must be true or false, not 'true'", id="quoted"),
        pytest.param("reproducible: 1", "1:15", "reproducible must be true or false, not '1'", id="number for boolean"),
        pytest.param("reproducible: [true]", "1:15", "must be true or false, not a list", id="list for boolean"),
        pytest.param("log-format: txt", "1:13", "did you mean 'text'?", id="unknown word"),
        pytest.param("cache: true", "1:8", "cache must be a mapping, not 'true'", id="text for mapping"),
        pytest.param("tag-template: {name: a}", "1:15", "tag-template.value is missing", id="tag without value"),
        pytest.param("tag-template: [a]", "1:15", "tag-template must be text, not a list", id="list for tag"),
        pytest.param(
            "tag-template: {value: a, validation: '('}",
            "1:38",
            "a ')' is missing at character 2",
            id="pattern",
        ),
        pytest.param("sign-config: {enabled-signers: [a]}", "1:32", "must be a mapping, not a list", id="signers list"),
        pytest.param(
            "sign-config: {enabled-signers: {'*': a}}", "1:38", "must be a list, not 'a'", id="signer as text"
        ),
    ],
)
def test_a_wrong_value_is_reported_with_its_place(text: str, place: str, reported: str) -> None:
    found = problem(text)
    assert found.startswith(f"config.yaml:{place}: ")
    assert reported in found


def test_every_problem_is_reported_at_once() -> None:
    text = (
        "registery: a\nreproducible: maybe\nlog-format: xml\ncache: {enabled: 3, cache-rpo: b}\ntag-template: {name: n}"
    )
    assert [found.where for found in problems(text)] == [
        f"config.yaml:{place}" for place in ("1:1", "2:15", "3:13", "4:18", "4:21", "5:15")
    ]


def test_rules_between_keys_are_reported_at_once() -> None:
    text = (
        "tag-template: a\ndefault-commit-tag: b\nregistry: r.example\ndev-registry: r.example\ncache: {enabled: true}"
    )
    assert len(problems(text)) == 3


@pytest.mark.parametrize(
    ("production", "dev"),
    [
        ("reg.example/a", "reg.example/a"),
        ("reg.example/a", "reg.example/a/dev"),
        ("reg.example/a/prod", "reg.example/a"),
        ("[other.example, reg.example]", "[third.example, reg.example:443/dev]"),
        ("docker.io/acme", "acme/dev"),
    ],
)
def test_overlapping_registries_are_refused(production: str, dev: str) -> None:
    assert "overlap" in problem(f"registry: {production}\ndev-registry: {dev}")


def test_registries_side_by_side_are_fine() -> None:
    assert load("registry: reg.example/a\ndev-registry: reg.example/a-dev").dev_registries


@pytest.mark.parametrize(
    ("cache", "reported"),
    [
        pytest.param("{enabled: true}", "cache.enabled (true) needs cache.cache-repo", id="enabled without a place"),
        pytest.param(
            "{cache-repo: reg.example/c, dev-cache-repo: reg.example/d}",
            "does not lie below dev-registry",
            id="outside",
        ),
        pytest.param(
            "{cache-repo: reg.example/dev/c, dev-cache-repo: reg.example/dev/c}", "overlap", id="one cache for both"
        ),
        pytest.param(
            "{cache-repo: reg.example/dev/c, dev-cache-repo: reg.example/dev}", "overlap", id="above the cache"
        ),
    ],
)
def test_unmerged_code_cannot_write_a_cache_that_production_reads(cache: str, reported: str) -> None:
    assert reported in problem(f"registry: reg.example/prod\ndev-registry: reg.example/dev\ncache: {cache}")


def test_a_development_cache_needs_a_development_registry() -> None:
    assert "does not lie below dev-registry" in problem("cache: {dev-cache-repo: reg.example/dev/c}")


def test_more_registries_than_anybody_has_are_refused() -> None:
    names = [f"r{number}.example/a" for number in range(101)]
    assert len(load(f"registry: [{', '.join(names[:100])}]").registries) == 100
    assert "registry lists 101, and at most 100 are possible; list fewer" in problem(f"registry: [{', '.join(names)}]")
