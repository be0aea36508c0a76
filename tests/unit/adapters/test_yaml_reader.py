"""YAML files become document nodes with their places, or problems; never a traceback."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters import yaml_reader
from image_builder_adapters.files import LARGEST_FILE
from image_builder_adapters.yaml_reader import (
    DEEPEST,
    MOST_ALIASED,
    MOST_VALUES,
    parse_document,
    parse_flawed,
    read_document,
)
from image_builder_domain.problem import Problem, problems_of
from image_builder_domain.yaml_document import Mapping, Scalar, Sequence


def messages(text: str) -> list[str]:
    return [f"{problem.where}: {problem.what}" for problem in problems_of(parse_document(text, "f"))]


def values(text: str) -> list[tuple[str, str, bool]]:
    node = parse_document(text, "f").unwrap()
    assert isinstance(node, Mapping)
    return [(key.text, value.text, value.plain) for key, value in node.entries if isinstance(value, Scalar)]


def test_nodes_know_their_places(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("a: x\nb:\n  - 'y'\n  - {}\n")
    f = str(file)
    assert read_document(f).unwrap() == Mapping(
        (
            (Scalar("a", True, f"{f}:1:1"), Scalar("x", True, f"{f}:1:4")),
            (
                Scalar("b", True, f"{f}:2:1"),
                Sequence((Scalar("y", False, f"{f}:3:5"), Mapping((), f"{f}:4:5")), f"{f}:3:3"),
            ),
        ),
        f"{f}:1:1",
    )


@pytest.mark.parametrize("fallback", [False, True])
def test_text_stays_as_written_and_only_bare_text_is_plain(fallback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if fallback:
        monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)
    text = "a: 010\nb: '010'\nc: \"on\"\nd: |\n  on\ne:\nf: !!str on\ng: !!bool 'true'\nh: 1.10\n"
    assert values(text) == [
        ("a", "010", True),
        ("b", "010", False),
        ("c", "on", False),
        ("d", "on\n", False),
        ("e", "", True),
        ("f", "on", False),
        ("g", "true", True),
        ("h", "1.10", True),
    ]


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"\xef\xbb\xbfa: b\n")
    node = read_document(str(tmp_path / "c")).unwrap()
    assert node.where.endswith(":1:1")


def test_links_to_a_file_are_followed_as_in_mounted_config_maps(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a: b")
    (tmp_path / "c").symlink_to("real")
    assert isinstance(read_document(str(tmp_path / "c")).unwrap(), Mapping)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "f: the file is empty", id="empty"),
        pytest.param("# only a comment\n", "f: the file is empty", id="comment"),
        pytest.param("a: b\n---\nc: d\n", "f:2:1: a second document starts here", id="two-documents"),
        pytest.param("a: b\n'a': c\n", "f:2:1: the key 'a' is already at f:1:1", id="duplicate-key"),
        pytest.param("a: !x b\n", "f:1:4: the tag !x is not supported here", id="own-tag"),
        pytest.param("a: !!binary YQ==\n", "f:1:4: the tag !!binary is not supported here", id="binary"),
        pytest.param("a: !!null b\n", "f:1:4: this is not a !!null", id="null-with-text"),
        pytest.param("a: !!bool yes\n", "f:1:4: this is not a !!bool", id="bool-with-text"),
        pytest.param("a: !!int 08\n", "f:1:4: this is not a !!int", id="int-with-text"),
        pytest.param("a: !!float 1.5\n", "f:1:4: the tag !!float is not supported here", id="float"),
        pytest.param("a: !!python/none x\n", "f:1:4: the tag !!python/none is not supported here", id="python"),
        pytest.param(
            "a: !!python/object/apply:os.system [id]\n",
            "f:1:4: the tag !!python/object/apply:os.system is not supported here",
            id="python-call",
        ),
        pytest.param("a: !!map x\n", "f:1:4: the tag !!map is not supported here", id="map-on-scalar"),
        pytest.param("a: !!int [1]\n", "f:1:4: the tag !!int is not supported here", id="int-on-list"),
        pytest.param("!!set {a: }\n", "f:1:1: the tag !!set is not supported here", id="set"),
        pytest.param("a: &x {}\nb:\n  <<: *x\n", "f:3:3: merge keys ('<<') are not supported", id="merge"),
        pytest.param("? [a]\n: b\n", "f:1:3: a key cannot be a list or a mapping", id="list-key"),
        pytest.param("a: &x [*x]\n", "f:1:8: the value of &x contains itself", id="recursive-alias"),
        pytest.param("a: *x\n", "f:1:4: there is no anchor &x before this alias", id="undefined-alias"),
        pytest.param("a: b\nc: \x07\n", "f:2:4: YAML does not allow this character", id="control-character"),
    ],
)
def test_what_is_not_a_plain_document_is_refused_at_its_place(text: str, expected: str) -> None:
    assert messages(text) == [expected]


def test_all_problems_that_leave_the_rest_readable_are_reported_together() -> None:
    found = messages("a: !x 1\na: 2\n<<: 3\nb: [\n")
    assert [line.split(": ")[0] for line in found] == ["f:1:4", "f:2:1", "f:3:1", "f:5:1"]


def test_a_document_with_flaws_is_read_to_its_end_and_of_two_equal_keys_the_first_counts() -> None:
    node, flaws = parse_flawed("a: 1\nb: !x 2\na: 3\n", "f").unwrap()
    assert isinstance(node, Mapping)
    assert [(key.text, value.text) for key, value in node.entries if isinstance(value, Scalar)] == [
        ("a", "1"),
        ("b", "2"),
    ]
    assert [flaw.where for flaw in flaws] == ["f:2:4", "f:3:1"]


@pytest.mark.parametrize("text", ["a: b: c", "a: [", "a:\n\tb: c", "a: 'x", "%FOO\n--- a", "a: @b"])
def test_a_syntax_error_names_its_line_and_column(text: str) -> None:
    (found,) = messages(text)
    assert found.startswith("f:")
    assert found.split(": ")[0].count(":") == 2
    assert "this is not valid YAML: " in found


def test_aliases_repeat_a_value() -> None:
    assert values("a: &x 'y'\nb: *x\n") == [("a", "y", False), ("b", "y", False)]


def test_aliases_that_expand_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    (found,) = messages("\n".join(lines))
    assert f"aliases repeat more than {MOST_ALIASED} values" in found


def test_aliases_count_for_depth() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, DEEPEST))]
    (found,) = messages("\n".join(lines))
    assert found == f"f:{DEEPEST}:{len(f'a{DEEPEST - 1}: &a{DEEPEST - 1} [') + 1}: this is nested deeper than 64 levels"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert messages("[" * DEEPEST + "]" * DEEPEST) == []


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deeper_nesting_is_refused_however_deep(opening: str) -> None:
    (found,) = messages(opening * 200_000)
    assert "nested deeper than 64 levels" in found or "maximum nesting depth" in found  # libyaml has a limit, too


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    path = str(tmp_path / "none.yaml")
    expected = (Problem(path, "the file does not exist", "name another file with --config"),)
    assert problems_of(read_document(path)) == expected


@pytest.mark.parametrize("kind", ["directory", "pipe", "large", "latin", "loop", "zero"])
def test_a_file_that_cannot_be_read_is_a_problem(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "large":
            path.write_bytes(b"#" * (LARGEST_FILE + 1))
        case "latin":
            path.write_bytes(b"a: b\nc: caf\xe9\n")
        case "loop":
            path.symlink_to(path)
        case _:
            path = tmp_path / "a\0b"
    expected = {
        "directory": "the file is not a regular file",
        "pipe": "the file is not a regular file",
        "large": "the file is larger than 1 MiB",
        "latin": "this is not UTF-8",
        "loop": "the file cannot be read: Too many levels of symbolic links",
        "zero": "the file cannot be read: invalid path",
    }
    (problem,) = problems_of(read_document(str(path)))
    assert expected[kind] in problem.what
    assert problem.where == (f"{path}:2:7" if kind == "latin" else str(path))


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: b\n" + b"#" * (LARGEST_FILE - 5))
    assert isinstance(read_document(str(path)).unwrap(), Mapping)


@given(st.text(st.sampled_from("ab \n-:[]{}?&*!|>'\"#%@`,<\t\x00\x85é"), max_size=40))
def test_any_text_gives_a_document_or_problems(text: str) -> None:
    result = parse_document(text, "f")
    assert problems_of(result) or result.unwrap().where.startswith("f:")


def test_a_file_with_too_many_values_is_refused() -> None:
    assert len(messages(f"[{'a,' * (MOST_VALUES - 1)}]")) == 0
    (found,) = messages(f"[{'a,' * MOST_VALUES}]")
    assert f"the file holds more than {MOST_VALUES} keys and values" in found
