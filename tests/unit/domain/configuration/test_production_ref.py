"""production-refs: which key counts, what a pattern lists, and what is refused."""

import re
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.yaml_reader import parse_document
from image_builder_domain.configuration.decoder import decode
from image_builder_domain.configuration.production_ref import (
    NotProductionRef,
    ProductionRef,
    ProductionRefs,
    RefPattern,
    branch_ref,
    production_refs,
    tag_ref,
)
from image_builder_domain.problem import Problem

HOST = "github.com"


def refs(entries: Mapping[str, list[str]]) -> ProductionRefs:
    return ProductionRefs(
        {key: tuple(RefPattern.parse(text).unwrap() for text in patterns) for key, patterns in entries.items()}
    )


def listed(pattern: str, full_ref: str) -> bool:
    return isinstance(refs({"acme/demo": [pattern]}).match(HOST, "acme/demo", full_ref), ProductionRef)


@pytest.mark.parametrize(
    ("pattern", "full_ref"),
    [
        ("main", "refs/heads/main"),
        ("release/1.2", "refs/heads/release/1.2"),
        ("refs/heads/main", "refs/heads/main"),
        ("refs/tags/v1", "refs/tags/v1"),
        ("tags/v1", "refs/heads/tags/v1"),
        ("release/*", "refs/heads/release/1.2"),
        ("release/**", "refs/heads/release/1/2"),
        ("release/**/x", "refs/heads/release/1/2/x"),
        ("v*", "refs/heads/v"),
        ("refs/tags/v*.*", "refs/tags/v1.2"),
        ("**a*b", "refs/heads/a/ab"),
        ("refs/heads/*", "refs/heads/anything"),
        ("größe", "refs/heads/größe"),
    ],
)
def test_a_pattern_lists_a_ref(pattern: str, full_ref: str) -> None:
    assert listed(pattern, full_ref)


@pytest.mark.parametrize(
    ("pattern", "full_ref"),
    [
        ("main", "main"),
        ("main", "refs/heads/Main"),
        ("main", "refs/heads/main2"),
        ("main", "refs/tags/main"),
        ("main", "refs/heads/refs/heads/main"),
        ("main", "refs/heads/main\n"),
        ("main", "refs/pull/7/merge"),
        ("refs/tags/v1", "refs/heads/refs/tags/v1"),
        ("release/*", "refs/heads/release/1/2"),
        ("release/*", "refs/heads/release"),
        ("refs/heads/*", "refs/heads/a/b"),
        ("refs/heads/**", "refs/tags/v1"),
        ("v*", "refs/tags/v1"),
        ("v1.2", "refs/heads/v1x2"),
        ("größe", "refs/heads/gro\u0308ße"),
    ],
)
def test_a_pattern_does_not_list_another_ref(pattern: str, full_ref: str) -> None:
    assert not listed(pattern, full_ref)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("*", "every branch"),
        ("**", "every branch"),
        ("*/**", "every branch"),
        ("***", "every branch"),
        ("refs/**", "every branch"),
        ("refs/*/*", "every branch"),
        ("refs/pull/*/merge", "neither a branch nor a tag"),
        ("refs/**/main", "neither a branch nor a tag"),
        ("!main", "excludes nothing"),
        ("release/***", "three"),
        ("v?", "wildcards"),
        ("v[12]", "wildcards"),
        ("", "not a ref"),
        ("main ", "not a ref"),
        ("a..b", "not a ref"),
        ("a//b", "not a ref"),
        ("/main", "not a ref"),
        ("main/", "not a ref"),
        ("refs/heads/", "not a ref"),
        (".main", "not a ref"),
        ("main.lock", "not a ref"),
        ("main\n", "not a ref"),
    ],
)
def test_a_pattern_that_means_nothing_or_everything_is_refused(pattern: str, says: str) -> None:
    assert says in str(RefPattern.parse(pattern).failure())


ENTRIES = {
    "*": ["everywhere"],
    "acme/*": ["org"],
    "Acme/Demo": ["repo"],
    "ghe.example/acme/demo": ["host"],
    "group/sub/*": ["sub"],
    "group/sub/project": ["project"],
}


@pytest.mark.parametrize(
    ("host", "repository", "branch", "key"),
    [
        ("github.com", "acme/demo", "repo", "Acme/Demo"),
        ("github.com", "ACME/DEMO", "repo", "Acme/Demo"),
        ("GHE.example", "acme/demo", "host", "ghe.example/acme/demo"),
        ("github.com", "acme/other", "org", "acme/*"),
        ("ghe.example", "acme/other", "org", "acme/*"),
        ("github.com", "mallory/demo", "everywhere", "*"),
        ("gitlab.com", "group/sub/project", "project", "group/sub/project"),
        ("gitlab.com", "group/sub/other", "sub", "group/sub/*"),
        ("gitlab.com", "acme/sub/other", "everywhere", "*"),
        ("", "acme/other", "org", "acme/*"),
    ],
)
def test_the_most_specific_key_counts_alone(host: str, repository: str, branch: str, key: str) -> None:
    table = refs(ENTRIES)
    assert table.match(host, repository, branch_ref(branch)) == ProductionRef(key, branch, False)
    for other in {"everywhere", "org", "repo", "host", "sub", "project"} - {branch}:
        answer = table.match(host, repository, branch_ref(other))
        assert isinstance(answer, NotProductionRef)
        assert answer.key == key


@pytest.mark.parametrize(
    ("host", "repository"),
    [
        ("github.com", "mallory/demo"),
        ("github.com", "acme/demo/x"),
        ("github.com", "acme"),
        ("github.com", ""),
        ("gitlab.com", "ghe.example/acme/demo"),  # a group named like a host
        ("group", "sub/project"),  # a host named like a group
        ("", "ghe.example/acme/demo"),
        ("github.com", "Acme/\N{KELVIN SIGN}it"),
    ],
)
def test_a_repository_without_a_key_has_no_production_ref(host: str, repository: str) -> None:
    table = refs({key: ["main"] for key in ("acme/demo", "acme/kit", "ghe.example/acme/demo", "group/sub/project")})
    answer = table.match(host, repository, "refs/heads/main")
    assert isinstance(answer, NotProductionRef)
    assert answer.key is None


def test_a_key_with_a_host_is_neither_used_nor_passed_over_where_the_host_is_unknown() -> None:
    table = refs({"*": ["main"], "github.com/acme/demo": ["release"]})
    for branch in ("main", "release"):
        answer = table.match("", "acme/demo", branch_ref(branch))
        assert isinstance(answer, NotProductionRef)
        assert "host is unknown" in str(answer)


def test_an_exact_name_is_preferred_to_a_wildcard() -> None:
    table = refs({"acme/demo": ["ma*", "main", "refs/tags/v*"]})
    assert table.match(HOST, "acme/demo", branch_ref("main")) == ProductionRef("acme/demo", "main", False)
    assert table.match(HOST, "acme/demo", branch_ref("max")) == ProductionRef("acme/demo", "ma*", True)
    assert table.match(HOST, "acme/demo", tag_ref("v1")) == ProductionRef("acme/demo", "refs/tags/v*", True)


def test_what_is_nearest_is_named() -> None:
    table = refs({"acme/Demo": ["main", "release/*"]})
    answer = table.match(HOST, "acme/demo", branch_ref("master"))
    assert isinstance(answer, NotProductionRef)
    assert answer.nearest == "main"
    assert "'refs/heads/master' of acme/demo is not a production ref" in str(answer)
    other = table.match(HOST, "acme/dmo", branch_ref("main"))
    assert isinstance(other, NotProductionRef)
    assert other.nearest == "acme/Demo"


patterns = st.text(alphabet="ab/*", min_size=1, max_size=10).filter(lambda text: RefPattern.parse(text).value_or(None))
names = st.text(alphabet="ab/", max_size=12)


@given(patterns, names)
def test_a_pattern_means_what_its_regular_expression_means(pattern: str, name: str) -> None:
    expression = "".join(
        {"**": ".*", "*": "[^/]*"}.get(token) or re.escape(token) for token in re.findall(r"\*\*|.", pattern)
    )
    assert listed(pattern, branch_ref(name)) == bool(re.fullmatch(expression, name))


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_plain_name_lists_one_ref_alone(pattern: str, name: str) -> None:
    plain = RefPattern.parse(pattern.replace("*", "")).value_or(None)
    if plain and not plain.text.startswith("refs/"):
        assert plain.matches(branch_ref(name)) == (plain.text == name)
        assert not plain.matches(tag_ref(name))


def test_no_ref_takes_long() -> None:
    pattern = "a**" * 40 + "z"
    started = time.process_time()
    assert not listed(pattern, branch_ref("a" * 4000 + "b/c" * 20) + "!")
    assert not listed(pattern, branch_ref("a" * (1 << 20)))
    assert time.process_time() - started < 2


def problems(text: str) -> str:
    found: list[Problem] = []
    production_refs.read(parse_document(text, "REFS").unwrap(), "production-refs", found)
    return "\n".join(map(str, found))


def test_a_mapping_is_read_as_administrators_write_it() -> None:
    text = '{"*": [main], "acme/*": [1.10], ghe.example:8443/acme/demo: ["refs/tags/v*"]}'
    table = parse_document(text, "REFS").bind(lambda node: decode(production_refs, node)).unwrap()
    assert table.match("x", "acme/demo", "refs/heads/1.10") == ProductionRef("acme/*", "1.10", False)
    assert table.match("ghe.example:8443", "acme/demo", "refs/tags/v1") == ProductionRef(
        "ghe.example:8443/acme/demo", "refs/tags/v*", True
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("acme: [main]", "REFS:1:1: production-refs: 'acme' is not '*', org/*, org/repo or host/org/repo"),
        ("'**': [main]", "is not '*'"),
        ("'*/demo': [main]", "is not '*'"),
        ("github.com/acme/*: [main]", "is not '*'"),
        ("https://github.com/acme/demo: [main]", "is not '*'"),
        ("acme/demo: main", "must be a list"),
        ("acme/demo: []", "empty list"),
        ("acme/demo: ['*']", "every branch"),
        ("{acme/demo: [main], Acme/Demo: [main]}", "name the same repository"),
        ("[main]", "must be a mapping"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused(text: str, says: str) -> None:
    assert says in problems(text)
