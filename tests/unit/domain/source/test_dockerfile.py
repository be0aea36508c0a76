"""What a Dockerfile declares with ARG, through all that its format allows around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.source.build_argument import is_argument_name, is_predefined
from image_builder_domain.source.dockerfile import declared_arguments


def declared(*lines: str) -> list[list[str]]:
    """Names before FROM, then those of each stage."""
    found = declared_arguments("\n".join(lines))
    return [list(found.before_from), *map(list, found.stages)]


# What BuildKit's own parser finds in each of these is what is written here.
@pytest.mark.parametrize(
    ("lines", "names"),
    [
        pytest.param(["ARG A", "FROM x"], [["A"], []], id="before FROM"),
        pytest.param(["FROM x", "ARG A", "FROM y", "ARG B"], [[], ["A"], ["B"]], id="per stage"),
        pytest.param(["from x", "aRg A"], [[], ["A"]], id="any case"),
        pytest.param(["  FROM x", "\tARG\tA"], [[], ["A"]], id="blanks"),
        pytest.param(["FROM x\r", "ARG A\r", ""], [[], ["A"]], id="line ends of Windows"),
        pytest.param(["\ufeffARG A"], [["A"]], id="byte order mark"),
        pytest.param(["ARG A=1 B=\"x y\" C='p q' D"], [["A", "B", "C", "D"]], id="several"),
        pytest.param(['ARG A="x \\" y" B'], [["A", "B"]], id="escaped quote"),
        pytest.param(["ARG A='x\\' B"], [["A", "B"]], id="nothing is escaped in single quotes"),
        pytest.param(["ARG A=x\\ y B"], [["A", "B"]], id="escaped blank"),
        pytest.param(["ARG A=a=b B==c"], [["A", "B"]], id="equals signs"),
        pytest.param(["ARG A \\", "  B \\", "", "# comment", "  C"], [["A", "B", "C"]], id="continued"),
        pytest.param(["ARG A \\  ", "B"], [["A", "B"]], id="blanks after the escape character"),
        pytest.param(["ARG A\\", "B"], [["AB"]], id="continued within a word"),
        pytest.param(["ARG A\\\\", "ARG B"], [["B"]], id="a doubled escape character does not continue"),
        pytest.param(["RUN a \\", "ARG A"], [[]], id="continuation of another instruction"),
        pytest.param(["RUN a \\", "# comment \\", "ARG A"], [[]], id="a comment between does not end it"),
        pytest.param(["# ARG A \\", "ARG B"], [["B"]], id="a comment is not continued"),
        pytest.param(["# escape=`", "ARG A `", "B", "ARG C \\", "ARG D"], [["A", "B", "C", "D"]], id="escape"),
        pytest.param(["# ESCAPE = `", "ARG A `", "B"], [["A", "B"]], id="escape in capitals"),
        pytest.param(["# syntax=x", "# escape=`", "ARG A `", "B"], [["A", "B"]], id="escape after syntax"),
        pytest.param(["# hello", "# escape=`", "RUN a `", "ARG B"], [["B"]], id="escape after a comment"),
        pytest.param(["", "# escape=`", "RUN a `", "ARG B"], [["B"]], id="escape after a blank line"),
        pytest.param(["# x=y", "# escape=`", "RUN a `", "ARG B"], [["B"]], id="escape after an unknown directive"),
        pytest.param(["RUN <<EOF", "ARG A", "EOF", "ARG B"], [["B"]], id="here-document"),
        pytest.param(["RUN cat <<-EOF", "ARG A", "\tEOF", "ARG B"], [["B"]], id="with tabs"),
        pytest.param(["RUN <<EOF", "ARG A", "\tEOF", "ARG B"], [[]], id="tabs count without the dash"),
        pytest.param(["RUN cat << EOF", "ARG A", "EOF", "ARG B"], [["B"]], id="blank before the word"),
        pytest.param(["COPY <<'E F' <<\"G\" /x", "ARG A", "E F", "G", "ARG B"], [["B"]], id="two, quoted"),
        pytest.param(["ONBUILD RUN <<EOF", "ARG A", "EOF", "ARG B"], [["B"]], id="in ONBUILD"),
        pytest.param(["RUN cat 3<<EOF \\", " && b", "ARG A", "EOF", "ARG B"], [["B"]], id="after continuation"),
        pytest.param(['RUN echo "<<EOF"', "ARG A"], [["A"]], id="quoted sign"),
        pytest.param(["RUN echo it's <<EOF", "ARG A"], [["A"]], id="open quote"),
        pytest.param(["RUN echo <<<EOF", "ARG A"], [["A"]], id="here-string"),
        pytest.param(["ENV A=<<EOF", "ARG A"], [["A"]], id="an instruction that takes none"),
        pytest.param(["ONBUILD ARG A", "ARG B"], [["B"]], id="ONBUILD declares for others"),
        pytest.param(["ARG"], [[]], id="nothing"),
        pytest.param([""], [[]], id="empty"),
    ],
)
def test_arguments_are_found_where_they_are_declared(lines: list[str], names: list[list[str]]) -> None:
    assert declared(*lines) == names


@given(st.text(alphabet="ARGFOMUN <-\\`\"'#=$\n\r\tab1", max_size=60))
def test_any_text_has_declarations_that_are_names(text: str) -> None:
    assert all(map(is_argument_name, declared_arguments(text).names))


@given(st.lists(st.sampled_from(["A", "B", "C_1"]), max_size=4), st.lists(st.sampled_from(["RUN x", "# y", ""])))
def test_other_lines_change_nothing(names: list[str], others: list[str]) -> None:
    lines = [f"ARG {name}" for name in names]
    assert declared("FROM x", *others, *lines, *others) == [[], names]


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("ARG A\nFROM x", True),
        ("ARG A\nFROM x:$A", False),
        ("ARG A\nFROM x:${A:-1}", False),
        ("ARG A\nARG B=$A\nFROM x:$B", False),
        ("ARG A\nFROM x\nARG A", False),
        ("FROM x\nARG A", False),
        ("ARG A\nFROM x\nRUN echo $A", True),
        ("FROM x", False),
    ],
)
def test_argument_before_from_reaches_nothing_unless_it_is_used(text: str, nothing: bool) -> None:
    assert declared_arguments(text).reaches_nothing("A") is nothing


@pytest.mark.parametrize("name", ["HTTP_PROXY", "no_proxy", "BUILDKIT_SYNTAX", "SOURCE_DATE_EPOCH", "TARGETARCH"])
def test_engines_know_some_arguments_by_themselves(name: str) -> None:
    assert is_predefined(name)
    assert not is_predefined(f"MY_{name}")
