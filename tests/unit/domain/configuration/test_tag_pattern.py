"""``moving-tags`` and ``immutable-tags``: what a pattern matches, and which texts are patterns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.configuration.keys import schema
from image_builder_domain.configuration.tag_pattern import LATEST, TagPattern
from image_builder_domain.problem import problems_of

from tests.given import loaded

_TAGS = st.text("ab.-", max_size=8)


def test_without_the_keys_latest_moves_and_no_tag_is_immutable() -> None:
    found = loaded("registry: reg.example/prod").unwrap()
    assert (found.moving_tags, found.immutable_tags) == (LATEST, ())
    assert [pattern.text for pattern in LATEST] == ["latest"]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("stable", ["stable"]),
        ("[latest, 'stable-*', 1]", ["latest", "stable-*", "1"]),
        ("'*'", ["*"]),
        ("[]", []),
    ],
)
@pytest.mark.parametrize("key", ["moving-tags", "immutable-tags"])
def test_each_key_takes_one_pattern_or_any_number(key: str, value: str, texts: list[str]) -> None:
    found = loaded(f"{key}: {value}").unwrap()
    read = found.moving_tags if key == "moving-tags" else found.immutable_tags
    assert [pattern.text for pattern in read] == texts


@pytest.mark.parametrize(
    ("value", "place", "reported"),
    [
        ("v[0-9]*", "1:14", "moving-tags: 'v[0-9]*' is not a pattern of tags"),
        ("[latest, 'a b']", "1:23", "moving-tags[1]: 'a b' is not a pattern of tags"),
        ("{latest: true}", "1:14", "moving-tags must be text, not a mapping"),
        ("", "1:13", "moving-tags has no value"),
        (f"'{'a' * 129}'", "1:14", "is not a pattern of tags"),
    ],
)
def test_other_values_are_refused_at_their_place(value: str, place: str, reported: str) -> None:
    (found,) = map(str, problems_of(loaded(f"moving-tags: {value}")))
    assert found.startswith(f"config.yaml:{place}: ")
    assert reported in found


def test_editors_know_the_keys_and_their_defaults() -> None:
    keys = schema()["properties"]
    assert (keys["moving-tags"]["default"], keys["immutable-tags"]["default"]) == (["latest"], [])


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("latest", ["latest"], ["latest-alpine", "Latest", "xlatest"]),
        ("v*", ["v", "v1", "v1.2.3"], ["1", "rv1"]),
        ("*-stable", ["-stable", "a-stable", "a-stable-stable"], ["stable", "a-stable2"]),
        ("a*b*a", ["aba", "axbya", "abba"], ["aa", "ab", "aab"]),
        ("*", ["", "x"], []),
        ("a**b", ["ab", "axb"], ["a"]),
        ("aa*aa", ["aaaa"], ["aaa"]),
        ("v1.*", ["v1.2"], ["v1x2"]),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, matching: list[str], other: list[str]) -> None:
    found = TagPattern.parse(pattern).unwrap()
    assert [found.matches(tag) for tag in (*matching, *other)] == [True] * len(matching) + [False] * len(other)


@given(st.text("ab.-*", min_size=1, max_size=6), _TAGS)
def test_matching_agrees_with_a_regular_expression(pattern: str, tag: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None
    assert TagPattern.parse(pattern).unwrap().matches(tag) == expected
