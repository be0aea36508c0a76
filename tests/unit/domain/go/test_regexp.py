"""Patterns mean what they mean to Go, and never take long.

``go_regexp_answers.json`` holds what Go's ``regexp`` (1.26) says of ``\\A(?:pattern)\\z`` for some texts, null where it
refuses the pattern.
"""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.go.regexp import LONGEST, Pattern
from returns.pipeline import is_successful

ANSWERS = json.loads((Path(__file__).parent / "go_regexp_answers.json").read_text())
REFUSED_ONLY_HERE = ("nothing to repeat", "letters beyond ASCII")


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text."""
    return Pattern.parse(rf"\A(?:{pattern})\z").unwrap().is_in(text)


def refusal(pattern: str) -> str:
    return str(Pattern.parse(pattern).failure())


@pytest.mark.parametrize("pattern", ANSWERS)
def test_a_pattern_means_what_it_means_to_go(pattern: str) -> None:
    answers, found = ANSWERS[pattern], Pattern.parse(pattern)
    if answers is None:
        assert not is_successful(found)
    elif not is_successful(found):
        assert any(reason in str(found.failure()) for reason in REFUSED_ONLY_HERE)
    else:
        assert {text: matches(pattern, text) for text in answers} == answers


# What means the same to Go and to Python.
ATOMS = st.sampled_from(
    ["a", "b", "B", "0", "-", ".", "\\.", "\\d", "\\w", "[a-c]", "[^a]", "[-b]", "\\b", "\\B", "^", "$"]
)
SHARED = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        inner.map("({})".format),
        st.tuples(inner, inner).map(lambda both: f"(?:{both[0]}|{both[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{0,2}", "{1,}"])).map(
            lambda both: f"(?:{both[0]}){both[1]}"
        ),
        inner.map("(?i:{})".format),
    ),
    max_leaves=8,
)


# Of the empty text Python before 3.14 says that \\B is not there; Go says it is, see its answers above.
@given(SHARED, st.text("abB0-._", min_size=1, max_size=7))
def test_a_pattern_means_what_it_means_to_python_where_both_know_it(pattern: str, text: str) -> None:
    assert matches(pattern, text) == bool(re.compile(pattern, re.ASCII).fullmatch(text))


@given(SHARED, st.text("abB0-._", min_size=1, max_size=7))
def test_a_pattern_is_found_where_python_finds_it(pattern: str, text: str) -> None:
    assert Pattern.parse(pattern).unwrap().is_in(text) == bool(re.search(pattern, text, re.ASCII))


@pytest.mark.parametrize(
    ("pattern", "text", "is_there"),
    [
        ("[0-9]+", "v1", True),
        ("^[0-9]+", "v1", False),
        ("v$", "v1", False),
        ("PR-[0-9]+", "xPR-7y", True),
        ("", "v1", True),
    ],
)
def test_a_pattern_may_match_anywhere_as_in_go(pattern: str, text: str, is_there: bool) -> None:
    assert Pattern.parse(pattern).unwrap().is_in(text) is is_there


@given(st.text("ab0()[]{}|*+?^$\\.-,:<>P=!ismUdwQEx", max_size=14), st.text("ab0-", max_size=5))
def test_any_text_is_a_pattern_or_is_refused(pattern: str, text: str) -> None:
    found = Pattern.parse(pattern)
    answer = found.unwrap().is_in(text) if is_successful(found) else str(found.failure())
    assert isinstance(answer, bool) or " at character " in answer


@pytest.mark.parametrize(
    ("pattern", "reported"),
    [
        pytest.param("a(?=b)", "look-around is not supported at character 2", id="look-ahead"),
        pytest.param("(?<!b)a", "look-around is not supported at character 1", id="look-behind"),
        pytest.param("(a)\\1", "\\1 (a backreference) is not supported at character 4", id="backreference"),
        pytest.param("\\p{Greek}", "\\p (a Unicode class) is not supported", id="Unicode class"),
        pytest.param("(?i)é", "letters beyond ASCII are not supported under (?i)", id="folding"),
        pytest.param("(?i)[a-é]", "letters beyond ASCII are not supported under (?i)", id="folding in a range"),
        pytest.param("\\Z", "\\Z is not supported", id="Perl's end"),
        pytest.param("[[:alhpa:]]", "[:alhpa:] is not known", id="class"),
        pytest.param("(?>a)", "this kind of group is not supported", id="atomic group"),
        pytest.param("(?x) a", "this kind of group is not supported", id="flag"),
        pytest.param("(a", "a ')' is missing at character 3", id="open group"),
        pytest.param("a)", "this ')' has no '(' at character 2", id="closed group"),
        pytest.param("x[a", "a ']' is missing at character 2", id="open class"),
        pytest.param("[b-a]", "this range goes down at character 2", id="range"),
        pytest.param("*a", "'*' has nothing to repeat at character 1", id="count"),
        pytest.param("{2}a", "'{' has nothing to repeat at character 1", id="count in braces"),
        pytest.param("\\Q\\E*", "this has nothing to repeat", id="count of nothing"),
        pytest.param("a**", "a repetition of a repetition needs a group", id="count of a count"),
        pytest.param("a{2}{3}", "a repetition of a repetition needs a group", id="count of a count in braces"),
        pytest.param("a{1001}", "counts go from 0 to 1000", id="large count"),
        pytest.param("a{2,1}", "the smaller one first", id="counts upside down"),
        pytest.param("a\\", "a single backslash stands at the end at character 2", id="backslash"),
        pytest.param("(" * 51 + ")" * 51, "groups are nested deeper than 50", id="depth"),
        pytest.param("(a{50}){21}", "counts within counts repeat more than 1000 times", id="product of counts"),
        pytest.param("a" * (LONGEST + 1), f"longer than {LONGEST} characters", id="length"),
    ],
)
def test_what_cannot_be_matched_is_refused_by_name_and_place(pattern: str, reported: str) -> None:
    assert reported in refusal(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|a)*b", "(a?){60}a{60}b", "((a{0,9}){0,9}){0,9}b", "(.*)(.*)(.*)(.*)(.*)b", "(a|b|ab)*c"]
)
def test_a_pattern_that_would_make_others_try_for_ever_ends(pattern: str) -> None:
    assert not matches(pattern, "a" * 128)


@pytest.mark.parametrize("text", ["é", "a\u212a", "\u0661"])
def test_text_beyond_ascii_is_never_matched(text: str) -> None:
    assert not matches("(?s).*|é|[^a]*", text)
