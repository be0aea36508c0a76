"""References: what is written parses to the same reference again, and nothing else parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.image.reference import (
    DOCKER_HUB,
    Digest,
    ImageReference,
    MalformedReference,
    Repository,
    is_tag,
)
from returns.result import Failure

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"

domains = st.sampled_from(["reg.example", "reg.example:5000", "localhost", "localhost:1", "[::1]:5000", "127.0.0.1"])
components = st.from_regex(r"[a-z0-9]{1,9}((\.|_|__|-{1,3})[a-z0-9]{1,9}){0,2}", fullmatch=True)
hub_heads = st.sampled_from(["acme", "a_b", "a--b", "library"])
paths = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
digests = st.binary(min_size=32, max_size=32).map(lambda content: f"sha256:{content.hex()}")
suffixes = st.one_of(
    tags.map(":{}".format),
    digests.map("@{}".format),
    st.tuples(tags, digests).map(lambda both: f":{both[0]}@{both[1]}"),
)


@given(domains, paths, suffixes)
def test_a_complete_reference_is_printed_as_it_was_written(domain: str, path: str, suffix: str) -> None:
    text = f"{domain}/{path}{suffix}"
    assert str(ImageReference.parse(text).unwrap()) == text


@given(st.one_of(hub_heads, st.tuples(domains | hub_heads | st.just("docker.io"), paths).map("/".join)), suffixes)
def test_what_was_printed_parses_to_the_same_image(name: str, suffix: str) -> None:
    first = ImageReference.parse(name + suffix).unwrap()
    again = ImageReference.parse(str(first)).unwrap()
    assert (again.repository, again.tag, again.digest) == (first.repository, first.tag, first.digest)


@given(st.text(alphabet="ab1A.:/@-_ \n,'\"", max_size=30))
def test_any_text_is_a_reference_or_a_failure_that_shows_it(text: str) -> None:
    parsed = ImageReference.parse(text)
    shown = parsed.map(lambda reference: reference.written).value_or(text)
    assert text.startswith(shown)
    shows = parsed.swap().map(lambda failure: repr(text) in str(failure) or "***@" in str(failure))
    assert shows.value_or(True)


@pytest.mark.parametrize(
    ("text", "domain", "path"),
    [
        pytest.param("alpine", DOCKER_HUB, "library/alpine", id="one component"),
        pytest.param("acme/demo", DOCKER_HUB, "acme/demo", id="a head without dot is not a domain"),
        pytest.param("docker.io/alpine", DOCKER_HUB, "library/alpine", id="docker.io is an alias"),
        pytest.param("index.docker.io/acme/demo", DOCKER_HUB, "acme/demo", id="the alias's target"),
        pytest.param("localhost/a", "localhost", "a", id="localhost is a domain"),
        pytest.param("localhost", DOCKER_HUB, "library/localhost", id="localhost alone is a name"),
        pytest.param("reg:5000/a", "reg:5000", "a", id="a port makes a domain"),
        pytest.param("reg.example/a", "reg.example", "a", id="one component of another registry"),
        pytest.param("[::1]:5000/a", "[::1]:5000", "a", id="IPv6"),
        pytest.param("reg.example/a.b_c__d---e/f", "reg.example", "a.b_c__d---e/f", id="all separators"),
    ],
)
def test_a_repository_is_normalised(text: str, domain: str, path: str) -> None:
    assert Repository.parse(text).unwrap() == Repository(domain, path)


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        pytest.param("reg:5000/a:1", "reg:5000/a", "1", None, id="port and tag"),
        pytest.param(f"reg:5000/a@{DIGEST}", "reg:5000/a", None, DIGEST, id="port and digest"),
        pytest.param(f"reg:5000/a:1@{DIGEST}", "reg:5000/a", "1", DIGEST, id="port, tag and digest"),
        pytest.param("alpine:3", "alpine", "3", None, id="as written"),
        pytest.param(f"a:{'t' * 128}", "a", "t" * 128, None, id="a tag of 128 characters"),
        pytest.param("a:_", "a", "_", None, id="underscore"),
    ],
)
def test_a_reference_is_split_from_the_right(text: str, name: str, tag: str | None, digest: str | None) -> None:
    found = ImageReference.parse(text).unwrap()
    assert (found.written, found.tag, found.digest) == (name, tag, Digest(digest) if digest else None)


REJECTED = [
    pytest.param("reg:5000/a", "a tag or a digest is required", id="a port is not a tag"),
    pytest.param("reg.example/a", "a tag or a digest is required", id="latest is not assumed"),
    pytest.param("", "a tag or a digest is required", id="empty"),
    pytest.param("https://reg.example/a:1", "leave out the scheme", id="scheme"),
    pytest.param("http://localhost:5000/a:1", "leave out the scheme", id="scheme before a port"),
    pytest.param("docker://alpine:3", "leave out the scheme", id="transport"),
    pytest.param("user:pass@reg.example/a:1", "a digest is", id="userinfo"),
    pytest.param("user@reg.example/a:1", "a digest is", id="user"),
    pytest.param(f"a:{'t' * 129}", "not a tag", id="a tag of 129 characters"),
    pytest.param("a:", "not a tag", id="empty tag"),
    pytest.param("a:-x", "not a tag", id="a tag that starts with a dash"),
    pytest.param("a:.x", "not a tag", id="a tag that starts with a dot"),
    pytest.param("a:1\n", "not a tag", id="newline after the tag"),
    pytest.param("a\n:1", "path component", id="newline after the name"),
    pytest.param(f"a@{DIGEST}\n", "a digest is", id="newline after the digest"),
    pytest.param(f"a@sha256:{HEX.upper()}", "a digest is", id="upper-case digest"),
    pytest.param(f"a@sha512:{HEX}", "a digest is", id="another algorithm"),
    pytest.param("a@", "a digest is", id="empty digest"),
    pytest.param(f"a@{DIGEST}@{DIGEST}", "path component", id="two digests"),
    pytest.param("r.example/dev/../prod/x:1", "path component '..'", id="dot dot"),
    pytest.param("r.example/./x:1", "path component '.'", id="dot"),
    pytest.param("r.example//x:1", "path component ''", id="empty component"),
    pytest.param("r.example/x/:1", "path component ''", id="slash before the tag"),
    pytest.param("/x:1", "path component ''", id="leading slash"),
    pytest.param("r.example/X:1", "path component 'X'", id="upper-case path"),
    pytest.param("r.example/a..b:1", "path component", id="two dots"),
    pytest.param("r.example/a___b:1", "path component", id="three underscores"),
    pytest.param("r.example/-a:1", "path component", id="leading dash"),
    pytest.param("r.example/a b:1", "path component", id="space"),
    pytest.param("r.example/a,b:1", "path component", id="comma"),
    pytest.param('r.example/a"b:1', "path component", id="quote"),
    pytest.param("r_.example/a:1", "not a registry host", id="underscore in the host"),
    pytest.param("reg.example:port/a:1", "not a registry host", id="port in letters"),
    pytest.param("reg.example\n/a:1", "not a registry host", id="newline after the host"),
    pytest.param("r.example/\u0430:1", "path component", id="Cyrillic"),
    pytest.param("r.example/a\u0661:1", "path component", id="Arabic digit"),
]


@pytest.mark.parametrize(("text", "reason"), REJECTED)
def test_a_reference_is_refused_with_its_reason(text: str, reason: str) -> None:
    failure = ImageReference.parse(text).failure()
    assert failure.text == text
    assert reason in failure.reason


def test_a_repository_has_at_most_255_characters_with_its_domain() -> None:
    path = "a" * (255 - len("reg.example/"))
    assert str(Repository.parse(f"reg.example/{path}").unwrap()) == f"reg.example/{path}"
    assert "255" in Repository.parse(f"reg.example/{path}a").failure().reason


def test_the_digest_alone_pins_a_reference() -> None:
    pinned = ImageReference.parse("reg.example/a:1").unwrap().pinned(Digest(DIGEST))
    assert str(pinned) == f"reg.example/a@{DIGEST}"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("127.8.9.1:443", True),
        ("[::1]:5000", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("a.localhost", False),
        ("10.0.0.1:5000", False),
        ("[::2]", False),
    ],
)
def test_only_exact_loopback_is_loopback(domain: str, expected: bool) -> None:
    assert Repository.parse(f"{domain}/a").unwrap().is_loopback is expected


@given(tags)
def test_every_text_of_the_grammar_is_a_tag(text: str) -> None:
    assert is_tag(text)
    assert not is_tag(text + "\n")


@pytest.mark.parametrize("text", ["https://user:hunter22@reg.example/app:1", "user:hunter22@reg.example/app:1"])
def test_password_in_a_reference_is_never_repeated(text: str) -> None:
    refused = ImageReference.parse(text)
    assert isinstance(refused, Failure)
    assert "hunter22" not in str(refused.failure())


RULE = "is not made of lower-case letters and digits, joined by '.', '_', '__' or '-'"


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("", "'' is not an image reference: a tag or a digest is required"),
        ("https://reg.example/a:1", "'https://reg.example/a:1' is not an image reference: leave out the scheme"),
        (
            "https://u:p@reg.example/a:1",
            "'https://***@reg.example/a:1' is not an image reference: leave out the scheme",
        ),
        ("reg.example/A:1", f"'reg.example/A:1' is not an image reference: the path component 'A' {RULE}"),
        (
            f"reg.example/a:1/b@{DIGEST}",
            f"'reg.example/a:1/b@{DIGEST}' is not an image reference: the path component 'a:1' {RULE}",
        ),
    ],
)
def test_a_refusal_says_what_and_why(text: str, reported: str) -> None:
    assert str(ImageReference.parse(text).failure()) == reported


def test_parts_of_a_reference_are_refused_with_what_was_written() -> None:
    assert Digest.parse("sha256:0").failure() == MalformedReference(
        "sha256:0", "a digest is 'sha256:' and 64 lower-case hexadecimal digits"
    )
    assert Repository.parse("reg.example/").failure() == MalformedReference(
        "reg.example/", "a repository path is missing"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(part * 60_000 + end, id=f"{part} {end}")
        for part in ("a", "a.", "a-", "a__", "-", "a/", ":", "@", "a:@", "//a@", " ")
        for end in ("", ":1", "!/x:1", "/x@")
    ],
)
def test_a_reference_of_any_length_is_judged_and_reported_at_once(text: str) -> None:
    failure = ImageReference.parse(text).failure()
    assert len(str(failure)) < 1500
