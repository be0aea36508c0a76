"""The BuildKit of a job: addresses of one daemon, and the decision for each side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.buildkit.address import SCHEMES, canonical, parse_address, socket_path
from image_builder_adapters.buildkit.engine_type import BUILDKIT
from image_builder_adapters.buildkit.host import BuildkitHost, BuildkitKeys, decide_buildkit_host
from image_builder_domain.build import BuildRequest
from image_builder_domain.engine_type import EngineCircumstances
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.trust.side import Side
from returns.result import Result, Success

from tests.unit.yaml_document import document

PRODUCTION, UNMERGED, LOCAL = Side.PRODUCTION, Side.UNMERGED, Side.LOCAL
A, B, C = "tcp://a.build:1234", "tcp://b.build:1234", "tcp://c.build:1234"
BOTH = BuildkitKeys(A, B)
REQUEST = BuildRequest("app", None, "/src", "Dockerfile", ())

ADDRESSES = st.sampled_from(("", A, B, C, "tcp://A.build.:1234/", "unix:///run/a.sock", "unix:///run/link.sock"))
REAL_PATHS = {"/run/link.sock": "/run/a.sock"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("tcp://Build.Example:1234", "TCP://build.example:1234", id="case"),
        pytest.param("tcp://build:1234/", "tcp://build:1234", id="trailing-slash"),
        pytest.param("tcp://build.example.:1234", "tcp://build.example:1234", id="trailing-dot"),
        pytest.param("tcp://build:01234", "tcp://build:1234", id="port-with-zero"),
        pytest.param("tcp://localhost:1234", "tcp://127.0.0.1:1234", id="loopback-name"),
        pytest.param("tcp://127.8.9.1:1234", "tcp://[::1]:1234", id="loopback-address"),
        pytest.param("tcp://0.0.0.0:1234", "tcp://localhost:1234", id="unspecified"),
        pytest.param("tcp://[::ffff:127.0.0.1]:1234", "tcp://localhost:1234", id="mapped"),
        pytest.param("tcp://[2001:DB8::0:1]:1234", "tcp://[2001:db8::1]:1234", id="ipv6"),
        pytest.param("ssh://build@host", "ssh://build@HOST:22", id="default-port"),
        pytest.param("unix:///run/buildkit//../a.sock", "unix:///run/a.sock", id="path"),
        pytest.param("unix:/run/a.sock", "UNIX:///run/a.sock", id="one-colon"),
        pytest.param("unix:///run/link.sock", "unix:///run/a.sock", id="link"),
        pytest.param("kube-pod://p?namespace=n&context=c", "kube-pod://p?context=c&namespace=n", id="query"),
        pytest.param("kube-pod://p?namespace=n&namespace=m", "kube-pod://p?namespace=%6e", id="first-of-a-query"),
        pytest.param("kube-pod://p?namespace=", "kube-pod://p", id="empty-query"),
        pytest.param("docker-container://a?x=1#y", "docker-container://a", id="unread-query"),
        pytest.param("podman-container://user@a:7/path?context=c", "podman-container://a", id="unread-parts"),
        pytest.param("nerdctl-container://a?context=c", "nerdctl-container://a/", id="unread-context"),
        pytest.param("tcp://:1234", "tcp://localhost:1234", id="no-host"),
    ],
)
def test_addresses_of_one_daemon_are_equal(one: str, other: str) -> None:
    assert canonical(one, REAL_PATHS) == canonical(other, REAL_PATHS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(A, B, id="host"),
        pytest.param("tcp://build:1234", "tcp://build:1235", id="port"),
        pytest.param("docker-container://A", "docker-container://a", id="container-with-case"),
        pytest.param("kube-pod://p?namespace=n", "kube-pod://p?namespace=m", id="namespace"),
        pytest.param("docker-container://a?context=c", "docker-container://a", id="context"),
        pytest.param("unix:///run/a.sock", "unix:///run/b.sock", id="socket"),
        pytest.param("ssh://one@host", "ssh://other@host", id="user"),
    ],
)
def test_addresses_of_two_daemons_differ(one: str, other: str) -> None:
    assert canonical(one, REAL_PATHS) != canonical(other, REAL_PATHS)


@given(st.text())
def test_no_address_breaks_the_comparison(text: str) -> None:
    assert canonical(text, {}) == canonical(text, {})
    socket_path(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("buildkitd:1234", "is not an address"),
        ("tcp://", "is not an address"),
        ("http://build:1234", "does not support addresses with http://"),
        ("docker-containr://a", "did you mean 'docker-container'?"),
        ("tcp://build :1234", "white space"),
    ],
)
def test_configured_address_is_checked(text: str, message: str) -> None:
    assert message in parse_address(text).failure()


@given(st.sampled_from(sorted(SCHEMES)))
def test_every_scheme_of_buildctl_can_be_configured(scheme: str) -> None:
    assert parse_address(f"{scheme}://place") == Success(f"{scheme}://place")


def read_keys(text: str) -> object:
    problems: list[Problem] = []
    keys = BUILDKIT.config.read(document(text), "engines.buildkit", problems)
    return "\n".join(map(str, problems)) if problems else keys


def test_keys_are_read() -> None:
    assert read_keys(f"{{host: '{A}', dev-host: '{B}', shared: true}}") == BuildkitKeys(A, B, True)
    assert read_keys("{}") == BuildkitKeys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{host: a.build}", "engines.buildkit.host: 'a.build' is not an address"),
        ("{dev_host: 'tcp://a:1'}", "did you mean 'dev-host'?"),
        ("{shared: maybe}", "engines.buildkit.shared must be"),
    ],
)
def test_invalid_key_is_refused(text: str, message: str) -> None:
    assert message in str(read_keys(text))


def decide(
    keys: BuildkitKeys, variable: str, side: Side, frontend: str = "docker/dockerfile:1"
) -> Result[BuildkitHost, Problems]:
    around = EngineCircumstances(side, {"BUILDKIT_HOST": variable}, f"# syntax={frontend}\nFROM x\n", REAL_PATHS)
    return decide_buildkit_host(keys, around)


@pytest.mark.parametrize(
    ("keys", "variable", "side", "address", "source"),
    [
        (BOTH, C, PRODUCTION, A, "engines.buildkit.host"),
        (BOTH, C, UNMERGED, B, "engines.buildkit.dev-host"),
        (BOTH, C, LOCAL, C, "BUILDKIT_HOST"),
        (BuildkitKeys(dev_host=B), C, PRODUCTION, C, "BUILDKIT_HOST"),
        (BuildkitKeys(host=A), C, UNMERGED, C, "BUILDKIT_HOST"),
        (BOTH, "", LOCAL, None, ""),
        (BuildkitKeys(host=A), "", UNMERGED, None, ""),
        (BuildkitKeys(), "", PRODUCTION, None, ""),
        (BuildkitKeys(shared=True), "", PRODUCTION, None, ""),
    ],
)
def test_key_of_the_side_takes_precedence_over_the_variable(
    keys: BuildkitKeys, variable: str, side: Side, address: str | None, source: str
) -> None:
    assert decide(keys, variable, side).unwrap() == BuildkitHost(address, source, side)


@pytest.mark.parametrize(
    ("keys", "variable", "side", "key"),
    [
        (BuildkitKeys(host=A), A, UNMERGED, "engines.buildkit.host"),
        (BuildkitKeys(host=A), A, LOCAL, "engines.buildkit.host"),
        (BuildkitKeys(A, "tcp://A.build:1234/"), "", UNMERGED, "engines.buildkit.host"),
        (BuildkitKeys(A, A), "", PRODUCTION, "engines.buildkit.dev-host"),
        (BuildkitKeys(dev_host=B), B, PRODUCTION, "engines.buildkit.dev-host"),
    ],
)
def test_daemon_of_the_other_side_is_refused(keys: BuildkitKeys, variable: str, side: Side, key: str) -> None:
    (problem,) = decide(keys, variable, side).failure()
    assert key in problem.what
    assert "engines.buildkit.shared" in problem.remedy


@given(st.builds(BuildkitKeys, *[st.none() | ADDRESSES.filter(bool)] * 2), ADDRESSES, ADDRESSES)
def test_two_sides_never_build_in_one_daemon_that_a_key_names(keys: BuildkitKeys, here: str, there: str) -> None:
    """For every value of the variable in both jobs: one daemon for both is refused, or without any key a warning."""
    production = decide(keys, here, PRODUCTION).value_or(None)
    unmerged = decide(keys, there, UNMERGED).value_or(None)
    if production is None or unmerged is None or production.address is None or unmerged.address is None:
        return
    one_daemon = canonical(production.address, REAL_PATHS) == canonical(unmerged.address, REAL_PATHS)
    assert not one_daemon or (keys == BuildkitKeys() and production.warnings and unmerged.warnings)


@pytest.mark.parametrize("side", [PRODUCTION, UNMERGED])
def test_variable_alone_is_a_warning_that_names_both_keys(side: Side) -> None:
    (warning,) = decide(BuildkitKeys(), A, side).unwrap().warnings
    assert "engines.buildkit.host and engines.buildkit.dev-host" in warning
    assert "BUILDKIT_HOST" in warning


def test_variable_alone_is_no_warning_outside_ci() -> None:
    assert decide(BuildkitKeys(), A, LOCAL).unwrap().warnings == ()


@pytest.mark.parametrize("side", Side)
def test_shared_daemon_is_allowed(side: Side) -> None:
    host = decide(BuildkitKeys(shared=True), A, side).unwrap()
    assert (host.address, host.is_shared, host.warnings) == (A, True, ())
    assert host.is_cacheless is (side is PRODUCTION)


@pytest.mark.parametrize("side", Side)
def test_another_frontend_is_refused_in_a_shared_daemon(side: Side) -> None:
    (problem,) = decide(BuildkitKeys(A, A, True), A, side, "evil.example/frontend").failure()
    assert "'evil.example/frontend'" in problem.what


@pytest.mark.parametrize(
    ("name", "value", "is_refused"),
    [
        ("BUILDKIT_SYNTAX", "evil.example/frontend", True),
        ("BUILDKIT_SYNTAX", " docker/dockerfile:1 --x", False),
        ("BUILDKIT_CACHE_MOUNT_NS", "production", True),
        ("VERSION", "evil.example/frontend", False),
    ],
)
def test_arguments_that_undo_the_separation_are_refused_in_a_shared_daemon(
    name: str, value: str, is_refused: bool
) -> None:
    request = BuildRequest("app", None, "/src", "Dockerfile", (), (BuildArgument(name, value),))
    for side in Side:
        assert (BuildkitHost(A, "BUILDKIT_HOST", side, True).refusal(request) is not None) is is_refused
        assert BuildkitHost(A, "BUILDKIT_HOST", side).refusal(request) is None
