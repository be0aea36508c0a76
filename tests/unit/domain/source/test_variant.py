"""The file of variants: what it may hold, what it means, and every way in which it can be wrong."""

import pytest
from image_builder_adapters.yaml_reader import parse_document
from image_builder_domain.problem import Problems, problems_of
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.dockerfile import declared_arguments
from image_builder_domain.source.variant import MOST_VARIANTS, Variant, chosen_variants, variants
from returns.result import Result, Success

DECLARED = declared_arguments("ARG BASE\nFROM x\nARG KUBECTL_VERSION\nARG A\n")


def read(text: str) -> Result[tuple[Variant, ...], Problems]:
    return parse_document(text, "variants.yaml").bind(lambda document: variants(document, DECLARED))


def messages(text: str) -> list[str]:
    return list(map(str, problems_of(read(text))))


def test_variants_keep_their_order_and_place() -> None:
    found = read("'main':\n  KUBECTL_VERSION: \"1.24.4\"\n'1.23':\n  KUBECTL_VERSION: \"1.23.9\"\n  BASE: x\n").unwrap()
    assert found == (
        Variant("main", (BuildArgument("KUBECTL_VERSION", "1.24.4"),), "variants.yaml:1:1"),
        Variant("1.23", (BuildArgument("KUBECTL_VERSION", "1.23.9"), BuildArgument("BASE", "x")), "variants.yaml:3:1"),
    )


@pytest.mark.parametrize(
    "written",
    ["1.10", "010", "0x1F", "1:30", "1e3", "no", "True", "2024-01-02", "null-ish", "=", "a b", "~/x", "1_000", ".inf"],
)
def test_a_value_stays_as_it_is_written(written: str) -> None:
    for text in (written, f"'{written}'", f'"{written}"'):
        (variant,) = read(f"v: {{A: {text}}}").unwrap()
        assert variant.arguments == (BuildArgument("A", written),)


def test_a_value_may_be_empty_when_it_is_quoted() -> None:
    assert read("v: {A: ''}").unwrap()[0].arguments == (BuildArgument("A", ""),)


def test_a_variant_may_change_nothing() -> None:
    assert read("v: {}").unwrap()[0].arguments == ()


def test_a_key_that_engines_know_needs_no_declaration() -> None:
    assert read("v: {HTTP_PROXY: x}").map(lambda found: found[0].arguments) == Success(
        (BuildArgument("HTTP_PROXY", "x"),)
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[a]", "1:1: this must map names of variants", id="list"),
        pytest.param("text", "1:1: this must map names of variants", id="text"),
        pytest.param("{}", "1:1: this must map names of variants", id="no variant"),
        pytest.param("v: x", "1:4: the variant 'v' must map build arguments", id="text as variant"),
        pytest.param("v:", "the variant 'v' must map build arguments", id="nothing as variant"),
        pytest.param("v: {A: [1]}", "1:8: A must be one value", id="list as value"),
        pytest.param("v: {A: {b: c}}", "1:8: A must be one value", id="mapping as value"),
        pytest.param("v: {A: null}", "1:8: A has no value", id="null"),
        pytest.param("v: {A: }", "A has no value", id="nothing"),
        pytest.param('v: {A: "x\\0y"}', "1:8: A holds a NUL character", id="NUL"),
        pytest.param("v: {1A: x}", "1:5: '1A' is not a valid build argument name", id="no name"),
        pytest.param("v: {KUBECTL_VERSON: x}", "1:5: the Dockerfile does not declare 'KUBECTL_VERSON' with ARG; "
                     "did you mean 'KUBECTL_VERSION'?", id="nearest"),
        pytest.param("v: {A: 1, A: 2}", "the key 'A' is already at", id="twice"),
        pytest.param("v: {A: 1}\nv: {A: 2}", "the key 'v' is already at", id="variant twice"),
        pytest.param("a/b: {A: 1}", "1:1: 'a/b' is not a valid variant name", id="slash"),
        pytest.param("'a b': {A: 1}", "1:1: 'a b' is not a valid variant name", id="blank"),
        pytest.param("'': {A: 1}", "1:1: '' is not a valid variant name", id="empty name"),
        pytest.param('"a\\n": {A: 1}', "is not a valid variant name", id="newline"),
        pytest.param("v: {A: 1", "this is not valid YAML", id="syntax"),
        pytest.param("v: {A: !!python/name:os.system x}", "is not supported", id="tag"),
        pytest.param("a: {A: 1}\n---\nb: {A: 1}", "a second document", id="two documents"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_reported_with_its_place(text: str, problem: str) -> None:
    (found,) = messages(text)
    assert found.startswith("variants.yaml:")
    assert problem in found


def test_all_problems_are_reported_at_once() -> None:
    assert len(messages("a/b: {A: null, BB: 1}\nc: 1\nd: {A: [1]}")) == 5


def test_without_any_declaration_the_remedy_is_to_add_one() -> None:
    document = parse_document("v: {A: 1}", "f").unwrap()
    (problem,) = problems_of(variants(document, declared_arguments("FROM x")))
    assert problem.remedy == "add 'ARG A' to it"


ONE, TWO = Variant("one", (), "f:1:1"), Variant("two", (), "f:2:1")


def test_all_variants_are_built_unless_one_is_named() -> None:
    assert chosen_variants((ONE, TWO), None) == Success((ONE, TWO))
    assert chosen_variants((ONE, TWO), "two") == Success((TWO,))
    assert chosen_variants((), None) == Success(())


def test_an_unknown_variant_tells_what_there_is() -> None:
    (problem,) = problems_of(chosen_variants((ONE, TWO), "tow"))
    assert str(problem) == "--variant: there is no variant 'tow'; variants.yaml has one, two; did you mean 'two'?"


def test_a_variant_without_a_file_is_refused() -> None:
    (problem,) = problems_of(chosen_variants((), "one"))
    assert str(problem).startswith("--variant: there is no variants.yaml beside the Dockerfile")


def test_as_many_variants_as_a_file_may_have_are_read_and_no_more() -> None:
    text = "".join(f"v{number}: {{A: 1}}\n" for number in range(MOST_VARIANTS))
    assert len(read(text).unwrap()) == MOST_VARIANTS
    (problem,) = messages(f"{text}more: {{A: 1}}\n")
    assert f"there are {MOST_VARIANTS + 1} variants, and at most {MOST_VARIANTS} are built" in problem


def test_hints_end_after_many_unknown_arguments_and_the_problems_soon_after() -> None:
    found = messages("v: {" + ", ".join(f"KUBECTL_VERSIO{number}: 1" for number in range(200)) + "}")
    assert "did you mean 'KUBECTL_VERSION'?" in found[0]
    assert found[60].endswith("check its spelling")
    assert found[-1].endswith("only the first 100 problems are listed; fix these first")
