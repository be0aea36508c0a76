"""The file of --env-file: every line is an argument, a comment, or a problem with its number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.problem import problems_of
from image_builder_domain.source.build_argument import MOST_ARGUMENTS, BuildArgument, env_file_arguments


def test_more_arguments_than_a_file_may_have_are_refused() -> None:
    lines = [f"A{number}=1" for number in range(MOST_ARGUMENTS)]
    assert len(read("\n".join(["# a", *lines]))) == MOST_ARGUMENTS
    (problem,) = problems_of(env_file_arguments("\n".join([*lines, "x"]), "f"))
    assert str(problem) == "f: the file holds 1001 arguments, and at most 1000 are possible; write fewer"


def read(text: str) -> list[tuple[str, str]]:
    return [(found.name, found.value) for found in env_file_arguments(text, "f").unwrap()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("A=1\nB=2", [("A", "1"), ("B", "2")], id="lines"),
        pytest.param("A=1\r\nB=2\r\n", [("A", "1"), ("B", "2")], id="line ends of Windows"),
        pytest.param("\n# A=1\n   \n#\nB=2\n", [("B", "2")], id="comments and blank lines"),
        pytest.param("A=", [("A", "")], id="empty value"),
        pytest.param("A=x=y", [("A", "x=y")], id="the first equals sign splits"),
        pytest.param("A= 'x' # y ", [("A", " 'x' # y ")], id="quotes, blanks and number signs belong to the value"),
        pytest.param("A=${B}$(c)`d`", [("A", "${B}$(c)`d`")], id="nothing is expanded"),
        pytest.param("A=1\nA=2", [("A", "1"), ("A", "2")], id="repeated"),
        pytest.param("", [], id="empty"),
    ],
)
def test_a_line_is_an_argument(text: str, found: list[tuple[str, str]]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    "line", ["A", "=1", "1A=1", " A=1", "A =1", "export A=1", "A-B=1", "A.B=1", "A\0=1", "A=\0", "\ufeff=1", "{"]
)
def test_a_malformed_line_is_reported_with_its_number_and_never_repeated(line: str) -> None:
    (problem,) = problems_of(env_file_arguments(f"GOOD=1\n\n{line}hunter22\nFINE=1", "b.env"))
    assert problem.where == "b.env:3"
    assert "hunter22" not in str(problem)


def test_every_malformed_line_is_reported() -> None:
    places = [problem.where for problem in problems_of(env_file_arguments("x\nA=1\ny\nz", "f"))]
    assert places == ["f:1", "f:3", "f:4"]


values = st.text(st.characters(exclude_characters="\0\n\r"), max_size=20)


@given(st.lists(st.tuples(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), values)))
def test_what_is_written_is_read(pairs: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{name}={value}" for name, value in pairs)
    assert env_file_arguments(text, "f").unwrap() == tuple(BuildArgument(*pair) for pair in pairs)
