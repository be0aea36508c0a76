"""Tags: how they are named, what their values become, and which are refused (specification, section 4)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.go.template import TemplateData
from image_builder_domain.image.reference import is_tag
from image_builder_domain.problem import Problems
from image_builder_domain.source.build_argument import BuildArgument, exported_tags, is_argument_name
from image_builder_domain.tag import Tag, TagSpec, compute_tags, tag_value
from returns.result import Success

DATA = TemplateData(
    commit_sha="abcdef1234567890abcdef1234567890abcdef12",
    pr_number="",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    env={},
)


def messages(problems: Problems) -> str:
    return "\n".join(map(str, problems))


def spec(text: str) -> TagSpec:
    return TagSpec.parse(text).unwrap()


def values(*texts: str) -> list[str]:
    tags = compute_tags(map(spec, texts), DATA).unwrap()
    return [f"{tag.name}={tag.value}" for tag in tags]


@pytest.mark.parametrize(
    ("text", "name", "template"),
    [
        pytest.param("latest", "latest", "latest", id="a literal is its own name"),
        pytest.param("v1.2", "v1.2", "v1.2", id="a literal keeps its dots"),
        pytest.param("name=v1", "name", "v1", id="a name"),
        pytest.param("name=a=b", "name", "a=b", id="the first equals sign"),
        pytest.param("name=", None, None, id="no value"),
        pytest.param("=v1", None, None, id="no name before the equals sign"),
        pytest.param("", None, None, id="empty"),
        pytest.param("v{{ .ShortSHA }}-{{ .Date }}", "vShortSHA-Date", "v{{ .ShortSHA }}-{{ .Date }}", id="template"),
        pytest.param("v1.2-{{ .Date }}", "v12-Date", "v1.2-{{ .Date }}", id="dots go from a template's name"),
        pytest.param("{{ `é` }}", None, None, id="a template that leaves no name"),
        pytest.param("n={{ .Date }}", "n", "{{ .Date }}", id="a named template"),
        pytest.param('{{ .Env "A=B" }}', "EnvAB", '{{ .Env "A=B" }}', id="equals inside an action"),
        pytest.param('{{ "=" }}x=y', '{{ "=" }}x', "y", id="equals after an action"),
        pytest.param("{{\n$x := .Date }}", "xDate", "{{\n$x := .Date }}", id="an action over two lines"),
    ],
)
def test_a_tag_is_split_into_name_and_template(text: str, name: str | None, template: str | None) -> None:
    parsed = TagSpec.parse(text).map(lambda found: (found.name, found.template)).value_or((None, None))
    assert parsed == (name, template)


def test_an_action_that_is_never_closed_does_not_split() -> None:
    assert "never closed" in messages(compute_tags([spec("{{ .ShortSHA=x")], DATA).failure())


def test_values_come_in_the_order_of_the_tags() -> None:
    assert values("latest", "default_tag=v{{ .Date }}-{{ .ShortSHA }}") == [
        "latest=latest",
        "default_tag=v20260102-abcdef12",
    ]


def test_equal_tags_collapse_to_the_first() -> None:
    assert values("a=1", "b=2", "a=1", "a={{ .Date }}".replace("{{ .Date }}", "1")) == ["a=1", "b=2"]


def test_tags_that_render_alike_collapse() -> None:
    assert values("d={{ .Date }}", "d=20260102") == ["d=20260102"]


def test_two_names_may_have_one_value() -> None:
    assert values("a=1", "b=1") == ["a=1", "b=1"]


def test_one_name_with_two_values_is_refused() -> None:
    problem = messages(compute_tags([spec("a=1"), spec("a=2")], DATA).failure())
    assert "'a' has two values, '1' and '2'" in problem


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\r"])
def test_blanks_become_dashes(blank: str) -> None:
    assert values(f"n=a{blank}{blank}b") == ["n=a--b"]
    assert values('n={{ .Time.Format "2006 01" }}') == ["n=2026-01"]


@pytest.mark.parametrize("value", ["-a", ".a", "a/b", "a:b", "a+b", "ä", " a", "a,b", "{{ .ShortSHA }}/{{ .Date }}"])
def test_a_value_outside_the_grammar_is_refused_and_shown(value: str) -> None:
    problem = messages(compute_tags([spec(f"n={value}")], DATA).failure())
    assert "--tag" in problem
    shown = value.replace(" a", "-a") if "{{" not in value else "abcdef12/20260102"
    assert repr(shown) in problem


@given(st.text(min_size=1, max_size=20))
def test_a_tag_has_a_value_of_the_grammar_or_problems(text: str) -> None:
    tag = TagSpec.parse(text).bind(lambda found: tag_value(found, DATA))
    assert tag.map(lambda found: is_tag(found.value)).value_or(True)


def test_every_bad_tag_is_reported_at_once() -> None:
    assert len(compute_tags(map(spec, ("n=a/b", "m={{ .Nope }}", "o={{ .PRNumber }}")), DATA).failure()) == 3


def test_an_empty_result_is_refused_with_its_template() -> None:
    problem = messages(compute_tags([spec("n={{ .PRNumber }}")], DATA).failure())
    assert "'{{ .PRNumber }}'" in problem
    assert "empty" in problem


def test_a_bad_template_shows_place_and_fields() -> None:
    broken = TagSpec("default_tag", "{{ .Nope }}", "config.yaml:3:15: tag-template")
    problem = messages(compute_tags([broken], DATA).failure())
    assert problem.startswith("config.yaml:3:15: tag-template: unknown field .Nope")
    assert ".ShortSHA" in problem


@pytest.mark.parametrize(
    ("validation", "fits"),
    [
        pytest.param("v[0-9]+", True, id="matches"),
        pytest.param("^v[0-9]+$", True, id="with anchors"),
        pytest.param("v", True, id="the beginning"),
        pytest.param("[0-9]+", True, id="the end"),
        pytest.param("^[0-9]+$", False, id="anchors that exclude the beginning"),
        pytest.param("x", False, id="nowhere"),
        pytest.param("v|v12", True, id="a later alternative is the whole"),
    ],
)
def test_validation_searches_the_value(validation: str, fits: bool) -> None:
    tag = tag_value(TagSpec("n", "v12", "where", validation), DATA)
    assert (tag == Success(Tag("n", "v12"))) is fits
    assert fits or repr(validation) in messages(tag.failure())


def test_the_grammar_holds_with_any_validation() -> None:
    assert "is not a tag" in messages(tag_value(TagSpec("n", "a/b", "where", ".*"), DATA).failure())


def test_validation_sees_the_value_with_dashes_for_blanks() -> None:
    assert tag_value(TagSpec("n", "a b", "where", "a-b"), DATA) == Success(Tag("n", "a-b"))


def test_tags_are_exported_as_build_arguments_in_order() -> None:
    arguments = exported_tags([Tag("default_tag", "v1"), Tag("v1.2-x", "b"), Tag("ä", "c")]).unwrap()
    assert arguments == (
        BuildArgument("TAG_default_tag", "v1"),
        BuildArgument("TAG_v1_2_x", "b"),
        BuildArgument("TAG__", "c"),
    )


@given(st.text(max_size=10))
def test_an_exported_name_can_be_declared(name: str) -> None:
    (argument,) = exported_tags([Tag(name, "v")]).unwrap()
    assert is_argument_name(argument.name)


def test_exported_names_that_collide_are_refused() -> None:
    problem = messages(exported_tags([Tag("a-b", "1"), Tag("a.b", "2")]).failure())
    assert problem.startswith("--export-tags")
    assert "'a-b'" in problem
    assert "'a.b'" in problem
    assert "TAG_a_b" in problem


templates = st.lists(
    st.sampled_from(["v", "1.2", "-", "_", " ", "{{ .Date }}", "{{ .ShortSHA }}", "{{ `=` }}", "é", "/"]), min_size=1
).map("".join)


@given(templates)
def test_a_name_made_from_a_template_names_itself(template: str) -> None:
    for made in TagSpec.parse("{{ .Date }}" + template).map(lambda found: [found]).value_or([]):
        assert spec(f"{{{{ `` }}}}{made.name}").name == made.name


@given(st.lists(templates, max_size=4))
def test_tags_derived_again_from_their_values_are_the_same(texts: list[str]) -> None:
    specs = [found.unwrap() for found in map(TagSpec.parse, texts) if isinstance(found, Success)]
    for tags in compute_tags(specs, DATA).map(lambda found: [found]).value_or([]):
        assert all(is_tag(tag.value) for tag in tags)
        again = [TagSpec(tag.name, tag.value, "again") for tag in tags]
        assert compute_tags(again, DATA) == Success(tags)
