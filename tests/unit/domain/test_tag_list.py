"""Lists of tags in base64: separators, and texts that are not such a list."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.plan.inputs import Asked
from image_builder_domain.plan.tags import MOST_TAGS, user_tags
from image_builder_domain.problem import problems_of
from image_builder_domain.tag import decode_tags, outside_actions, split_tags


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        pytest.param("latest", ["latest"], id="one"),
        pytest.param("a=1,b=2", ["a=1", "b=2"], id="two"),
        pytest.param("a,{{ printf `%s,%s` .A .B }},c", ["a", "{{ printf `%s,%s` .A .B }}", "c"], id="in an action"),
        pytest.param('{{ "}},{{" }},b', ['{{ "}},{{" }}', "b"], id="braces in a text"),
        pytest.param('{{ "\\"}}," }},b', ['{{ "\\"}}," }}', "b"], id="escaped quote in a text"),
        pytest.param("{{ `}},` }},b", ["{{ `}},` }}", "b"], id="braces in a raw text"),
        pytest.param("{{ '}' }},b", ["{{ '}' }}", "b"], id="brace as a character"),
        pytest.param("{{/* }}, */}},b", ["{{/* }}, */}}", "b"], id="braces in a comment"),
        pytest.param("{{- /* }}, */ -}},b", ["{{- /* }}, */ -}}", "b"], id="trimming comment"),
        pytest.param("{{ a, b", ["{{ a, b"], id="never closed"),
        pytest.param("}},{{x}}", ["}}", "{{x}}"], id="closing braces alone"),
        pytest.param("a,,b", ["a", "", "b"], id="an empty element is kept, to be refused"),
    ],
)
def test_a_comma_splits_outside_of_actions(text: str, tags: list[str]) -> None:
    assert list(split_tags(text)) == tags
    assert list(decode_tags(encoded(text)).unwrap()) == tags


@given(st.text(alphabet="a,=`\"'{}/*- \\", max_size=30))
def test_splitting_loses_nothing(text: str) -> None:
    assert ",".join(split_tags(text)) == text
    assert len(outside_actions(text)) == len(text)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_line_end_that_echo_writes_does_not_count(ending: str) -> None:
    assert decode_tags(encoded(f"a,b{ending}")).unwrap() == ("a", "b")


def test_line_ends_in_the_base64_do_not_count() -> None:
    wrapped = base64.encodebytes(b"tag," * 30 + b"last").decode()
    assert "\n" in wrapped.strip()
    assert len(decode_tags(wrapped).unwrap()) == 31


@pytest.mark.parametrize("text", ["YQ", "YQ=", "Y!==", "-_8=", encoded(b"\xff\xfe"), "latest,other"])
def test_what_is_not_base64_of_text_is_refused(text: str) -> None:
    (problem,) = problems_of(decode_tags(text))
    assert problem.where == "--tag-base64"
    assert text not in str(problem)


def test_more_tags_than_a_flag_can_give_are_refused() -> None:
    most = tuple(f"t{number}" for number in range(MOST_TAGS))
    assert len(user_tags(Asked(tags=most)).unwrap()) == MOST_TAGS
    for asked in (Asked(tags=(*most, "more")), Asked(tag_base64=encoded(",".join((*most, "more")).encode()))):
        (problem,) = problems_of(user_tags(asked))
        assert f"these are {MOST_TAGS + 1} tags, and at most {MOST_TAGS} can be given" in str(problem)
