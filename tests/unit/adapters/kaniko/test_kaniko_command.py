"""The executor's command line and environment; pure."""

from dataclasses import replace

import pytest
from image_builder_adapters.kaniko.command import executor_arguments
from image_builder_adapters.kaniko.environment import container_environment, own_root_environment
from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.source.build_argument import BuildArgument


def reference(text: str) -> ImageReference:
    return ImageReference.parse(text).unwrap()


REQUEST = BuildRequest(
    "app", None, "/src", "docker/Dockerfile", (reference("reg.example/app:1"), reference("m.example/app:1"))
)
CACHE = (reference("reg.example/cache:layers"),)


def words(request: BuildRequest, log_format: str | None = None) -> tuple[str, ...]:
    return executor_arguments(request, "/src", log_format)


def test_plain_request() -> None:
    assert words(REQUEST) == (
        "--context=/src",
        "--dockerfile=/src/docker/Dockerfile",
        "--destination=reg.example/app:1",
        "--destination=m.example/app:1",
        "--log-format=text",
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            replace(REQUEST, arguments=(BuildArgument("A", "-b=c,d"),)), ["--build-arg=A=-b=c,d"], id="argument"
        ),
        pytest.param(
            replace(REQUEST, platforms=(Platform("linux", "arm", "v7"),)),
            ["--custom-platform=linux/arm/v7"],
            id="platform",
        ),
        pytest.param(replace(REQUEST, target="test"), ["--target=test"], id="target"),
        pytest.param(replace(REQUEST, source_date_epoch=0), ["--reproducible"], id="reproducible"),
        pytest.param(
            replace(REQUEST, cache=CacheReferences(CACHE, CACHE)),
            ["--cache=true", "--cache-copy-layers=false", "--cache-run-layers=true", "--cache-repo=reg.example/cache"],
            id="cache",
        ),
        pytest.param(
            replace(REQUEST, cache=CacheReferences(CACHE, (), run_layers=False, copy_layers=True)),
            [
                *("--cache=true", "--cache-copy-layers=true", "--cache-run-layers=false"),
                *("--cache-repo=reg.example/cache", "--no-push-cache"),
            ],
            id="cache-that-is-not-written",
        ),
    ],
)
def test_each_wish_has_its_flags(request_: BuildRequest, expected: list[str]) -> None:
    assert list(words(request_)[4:-1]) == expected


def test_log_format_is_the_administrators_choice() -> None:
    assert words(REQUEST, "json")[-1] == "--log-format=json"


def test_plain_http_is_for_loopback_alone() -> None:
    places = ("127.0.0.1:5000/a/b:1", "reg.example/a/b:1", "localhost:5000/a/b:1", "127.0.0.1.example/a/b:1")
    cache = (reference("[::1]:5001/cache:layers"),)
    request = replace(REQUEST, destinations=tuple(map(reference, places)), cache=CacheReferences(cache, cache))
    insecure = [word for word in words(request) if word.startswith("--insecure")]
    assert insecure == [f"--insecure-registry={host}" for host in ("127.0.0.1:5000", "localhost:5000", "[::1]:5001")]


@pytest.mark.parametrize("name", ["ADO_PAT", "COSIGN_PASSWORD", "AWS_SECRET_ACCESS_KEY", "KANIKO_NO_PUSH", "GODEBUG"])
def test_no_other_variable_of_the_job_reaches_the_executor(name: str) -> None:
    given = {name: "x", "PATH": "/bin", "HTTPS_PROXY": "http://proxy"}
    for found in (container_environment(given), own_root_environment(given, ())):
        assert name not in found
        assert found["HTTPS_PROXY"] == "http://proxy"


def test_kaniko_folder_is_never_moved() -> None:
    assert container_environment({"KANIKO_DIR": "/elsewhere"})["KANIKO_DIR"] == "/kaniko"


def test_a_step_of_an_image_without_a_path_finds_its_program_all_the_same() -> None:
    assert container_environment({"PATH": "/kaniko/ib/bin"})["PATH"].startswith("/kaniko/ib/bin:/usr/local/sbin:")
    assert container_environment({})["PATH"].endswith(":/sbin:/bin")


def test_own_root_has_its_own_home_and_credentials() -> None:
    found = own_root_environment({"HOME": "/home/me", "DOCKER_CONFIG": "/home/me/.docker"}, ("/kaniko/ssl/certs",))
    assert (found["HOME"], found["DOCKER_CONFIG"]) == ("/root", "/.kaniko/.docker")
    assert found["SSL_CERT_DIR"] == "/kaniko/ssl/certs"
