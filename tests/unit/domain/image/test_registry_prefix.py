"""Registry prefixes: an image never leaves the prefix it belongs to, with any name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.image.reference import ImageReference, MalformedReference, Repository
from image_builder_domain.image.registry_prefix import RegistryPrefix, image_reference

prefixes = st.sampled_from(
    ["reg.example", "reg.example/dev", "reg.example:5000/a/b", "localhost", "docker.io", "docker.io/acme", "acme"]
)
names = st.text(alphabet="ab1./:@-_ \n", max_size=20) | st.lists(
    st.sampled_from(["..", ".", "", "a", "dev", "prod", "reg.example"]), max_size=6
).map("/".join)


def prefix(text: str) -> RegistryPrefix:
    return RegistryPrefix.parse(text).unwrap()


@given(prefixes, names)
def test_a_name_gives_a_repository_below_the_prefix_or_is_refused(place: str, name: str) -> None:
    made = prefix(place).repository(name)
    below = f"{prefix(place).domain}/{prefix(place).path}/".replace("//", "/")
    assert made.map(lambda repository: str(repository).startswith(below)).value_or(True)
    assert made.map(lambda repository: str(repository).endswith(f"/{name}")).value_or(True)


@pytest.mark.parametrize(
    ("place", "name", "repository"),
    [
        ("reg.example/dev", "demo", "reg.example/dev/demo"),
        ("reg.example", "team/demo", "reg.example/team/demo"),
        ("reg.example:5000/dev", "demo", "reg.example:5000/dev/demo"),
        ("docker.io/acme", "demo", "index.docker.io/acme/demo"),
        ("acme", "demo", "index.docker.io/acme/demo"),
        ("docker.io", "demo", "index.docker.io/library/demo"),
    ],
)
def test_a_name_is_joined_to_the_prefix(place: str, name: str, repository: str) -> None:
    assert str(prefix(place).repository(name).unwrap()) == repository


@pytest.mark.parametrize(
    "name", ["../prod/x", "..", "a/../../prod/x", "/prod/x", "", "a/", "a:1", "a@sha256:1", "A", "https://x/y", "a\n"]
)
def test_a_name_that_could_leave_the_prefix_is_refused(name: str) -> None:
    assert prefix("reg.example/dev").repository(name).failure().text == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "reg.example/",
        "reg.example//a",
        "https://reg.example/a",
        "user@reg.example/a",
        "reg.example/a:1",
        "reg.example/../a",
        "reg.example/A",
        " reg.example",
        "reg.example\n",
        "reg.example/a\n",
        "reg.example/a@sha256:1",
    ],
)
def test_a_text_is_refused_as_prefix(text: str) -> None:
    assert RegistryPrefix.parse(text).failure().text == text


def test_a_scheme_is_named_as_the_mistake() -> None:
    assert "scheme" in RegistryPrefix.parse("https://reg.example/a").failure().reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("reg.example/a", "reg.example/a", id="equal"),
        pytest.param("reg.example/a/b", "reg.example/a", id="below"),
        pytest.param("reg.example/a", "reg.example", id="a host holds all of its paths"),
        pytest.param("Reg.Example/a", "reg.example/a", id="case of the host"),
        pytest.param("reg.example:443/a", "reg.example/a", id="default port"),
        pytest.param("reg.example:0443/a", "reg.example/a", id="default port with a zero"),
        pytest.param("reg.example:05000/a", "reg.example:5000/a", id="port with a zero"),
        pytest.param("[2001:DB8:0::1]:5000/a", "[2001:db8::1]:5000/a", id="IPv6 address"),
        pytest.param("docker.io/acme", "index.docker.io/acme", id="names of Docker Hub"),
        pytest.param("acme", "docker.io/acme", id="Docker Hub without its name"),
        pytest.param("Docker.IO/acme", "docker.io/acme", id="case of Docker Hub"),
        pytest.param("docker.io:443/acme", "docker.io/acme", id="default port of Docker Hub"),
        pytest.param("registry-1.docker.io/acme", "docker.io/acme", id="the host that serves Docker Hub"),
    ],
)
def test_prefixes_overlap_both_ways(one: str, other: str) -> None:
    assert prefix(one).overlaps(prefix(other))
    assert prefix(other).overlaps(prefix(one))
    assert prefix(one).lies_below(prefix(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("reg.example/a", "reg.example/b"),
        ("reg.example/a", "reg.example/ab"),
        ("reg.example/a-b", "reg.example/a"),
        ("reg.example:5000/a", "reg.example/a"),
        ("reg.example:1443/a", "reg.example:1/a"),
        ("reg.example.org", "reg.example"),
    ],
)
def test_prefixes_side_by_side_do_not_overlap(one: str, other: str) -> None:
    assert not prefix(one).overlaps(prefix(other))
    assert not prefix(other).overlaps(prefix(one))


def test_a_prefix_contains_itself_and_what_lies_below() -> None:
    place = prefix("reg.example/dev")
    held = [
        text
        for text in (
            "reg.example/dev",
            "reg.example/dev/a/b",
            "REG.example:443/dev/a",
            "reg.example/develop",
            "o.example/dev/a",
        )
        if place.contains(Repository.parse(text).unwrap())
    ]
    assert held == ["reg.example/dev", "reg.example/dev/a/b", "REG.example:443/dev/a"]


def test_a_refused_name_is_reported_with_its_reason() -> None:
    refused = prefix("reg.example/dev").repository("A").failure()
    assert (refused.text, "'A' is not made of lower-case" in refused.reason) == ("A", True)


def test_a_name_that_would_leave_the_prefix_is_refused_even_if_its_grammar_is_good() -> None:
    # No text that parses does this; the rule must not depend on the grammar alone.
    elsewhere = RegistryPrefix("reg.example/dev", "reg.example", "prod")
    assert elsewhere.repository("x").failure() == MalformedReference("x", "it would leave the registry reg.example/dev")


def test_a_repository_gets_a_tag_as_it_is_written() -> None:
    repository = prefix("docker.io/acme").repository("demo").unwrap()
    made = image_reference(repository, "v1")
    assert made == ImageReference(repository, "v1", None, "index.docker.io/acme/demo")
    assert str(made) == "index.docker.io/acme/demo:v1"
