"""Template expressions and conditions of pipeline YAML, as far as the stand-in knows them."""

import pytest
from image_builder_stand_ins.azure_devops.expression import Scope, evaluate, expand
from image_builder_stand_ins.azure_devops.parameter import Value, plain
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError, load

PARAMETERS: dict[str, Value] = {
    "Name": "demo",
    "Flag": True,
    "Off": False,
    "Count": 8.0,
    "List": ["a", "b"],
    "Empty": "",
    "Object": {"Name": "demo", "Other": "x"},
}


def value_of(text: str) -> Value:
    return evaluate(text, Scope({"parameters": PARAMETERS, "variables": {"Build.Reason": "Manual"}}, {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'it''s'", "it's"),
        ("-1.5", -1.5),
        ("TRUE", True),
        ("parameters.name", "demo"),
        ("parameters['Name']", "demo"),
        ("variables['Build.Reason']", "Manual"),
        ("parameters.Unknown", None),
        ("eq(parameters.Name, 'DEMO')", True),
        ("eq(parameters.Flag, 'true')", True),
        ("eq(parameters.Flag, true)", True),
        ("eq(parameters.Count, '8')", True),
        ("eq(parameters.Count, 'eight')", False),
        ("eq('True', parameters.Flag)", True),
        ("ne(parameters.Empty, '')", False),
        ("in(parameters.Name, 'a', 'Demo')", True),
        ("not(in(parameters.Name, 'a', 'b'))", True),
        ("and(true, 'x', 1)", True),
        ("and(true, '')", False),
        ("or(false, 0, parameters.Unknown)", False),
        ("contains(parameters.Name, 'EM')", True),
        ("contains(parameters.Flag, 'Tru')", True),
        ("contains('a$(b)', '$(')", True),
    ],
)
def test_an_expression_has_a_value(text: str, expected: Value) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("", "Unexpected end of expression"),
        ("startsWith('a', 'b')", "'startsWith' is not known"),
        ("eq(1)", "'eq' takes other arguments"),
        ("unknown.name", "Unrecognized value: 'unknown'"),
        ("eq(1, 2) x", "Unexpected symbol: 'x'"),
        ("a & b", "Unexpected symbol: '& b'"),
        ("eq(1 2)", "Expected ','"),
        ("parameters.Name.more", "nothing has a member here"),
        ("contains(parameters.List, 'a')", "Unable to convert"),
    ],
)
def test_what_is_not_known_is_named(text: str, reported: str) -> None:
    with pytest.raises(RefusedError) as found:
        value_of(text)
    assert reported in str(found.value)


def expanded(text: str) -> Value:
    return plain(expand(load(text, "x.yml"), PARAMETERS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: ${{ parameters.Name }}", {"a": "demo"}, id="text"),
        pytest.param("a: x-${{ parameters.Name }}-${{parameters.Count}}", {"a": "x-demo-8"}, id="inside-text"),
        pytest.param("a: ${{ parameters.Flag }}", {"a": "True"}, id="boolean"),
        pytest.param("a: ${{ parameters.List }}", {"a": ["a", "b"]}, id="list"),
        pytest.param("${{ parameters.Name }}: 1", {"demo": "1"}, id="key"),
        pytest.param("parameters:\n- default: ${{ x }}\n", {"parameters": [{"default": "${{ x }}"}]}, id="untouched"),
        pytest.param(
            "a:\n  ${{ if parameters.Flag }}:\n    b: 1\n  c: 2", {"a": {"b": "1", "c": "2"}}, id="if-mapping"
        ),
        pytest.param(
            "a:\n- ${{ if parameters.Off }}:\n  - b\n- ${{ elseif eq(parameters.Name, 'demo') }}:\n  - c\n"
            "- ${{ else }}:\n  - d\n- e",
            {"a": ["c", "e"]},
            id="elseif",
        ),
        pytest.param("a:\n- ${{ if true }}:\n  - b\n- ${{ else }}:\n  - c", {"a": ["b"]}, id="else-not-taken"),
        pytest.param(
            "a:\n- ${{ each x in parameters.List }}:\n  - n-${{ x }}\n", {"a": ["n-a", "n-b"]}, id="each-of-list"
        ),
        pytest.param(
            "a:\n- ${{ each p in parameters.Object }}:\n  - ${{ if contains(p.value, 'dem') }}:\n    - ${{ p.key }}\n",
            {"a": ["Name"]},
            id="each-of-mapping",
        ),
    ],
)
def test_a_template_is_expanded(text: str, expected: Value) -> None:
    assert expanded(text) == expected


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("a:\n  b: ${{ nope }}", "/x.yml (Line: 2, Col: 6): Unrecognized value: 'nope'"),
        ("a:\n- ${{ else }}:\n  - b", "/x.yml (Line: 2, Col: 3): 'else' must follow 'if'"),
        ("a:\n- ${{ insert }}:\n  - b", "/x.yml (Line: 2, Col: 3): this stand-in does not know 'insert'"),
        ("a:\n- ${{ each x of y }}:\n  - b", "/x.yml (Line: 2, Col: 3): 'each x of y' is not 'each name in list'"),
        ("a: x${{ parameters.List }}", "/x.yml (Line: 1, Col: 4): Unable to convert"),
    ],
)
def test_a_bad_template_is_refused_with_its_place(text: str, reported: str) -> None:
    with pytest.raises(RefusedError) as found:
        expanded(text)
    assert str(found.value).startswith(reported)
