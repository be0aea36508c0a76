"""The executor's command line and environment."""

from dataclasses import replace

import pytest
from image_builder_adapters.kaniko.command import executor_arguments, refusal
from image_builder_adapters.kaniko.environment import container_environment, own_root_environment
from image_builder_contracts.image_engine import reference, repository
from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.image.platform import Platform
from image_builder_domain.source.build_argument import BuildArgument

REPOSITORIES = (repository("reg.example/app"), repository("m.example/app"))
REQUEST = BuildRequest("app", None, "/src", "docker/Dockerfile", REPOSITORIES)
CACHE = (reference("reg.example/cache:layers"),)
WORDS = (
    *("--context=/src", "--dockerfile=/src/docker/Dockerfile"),
    *("--no-push", "--oci-layout-path=/out"),
)


@pytest.mark.parametrize(
    ("request_", "flags"),
    [
        pytest.param(REQUEST, "", id="plain"),
        pytest.param(
            replace(REQUEST, arguments=(BuildArgument("A", "-b=c,d"),)), "--build-arg=A=-b=c,d", id="argument"
        ),
        pytest.param(
            replace(REQUEST, platforms=(Platform("linux", "arm", "v7"),)),
            "--custom-platform=linux/arm/v7",
            id="platform",
        ),
        pytest.param(replace(REQUEST, target="test"), "--target=test", id="target"),
        pytest.param(replace(REQUEST, source_date_epoch=0), "--reproducible", id="reproducible"),
        pytest.param(
            replace(REQUEST, labels=(("a", "1,2"),), annotations=(("b", "x=y"),)),
            "--label=a=1,2 --annotation=b=x=y",
            id="labels and annotations",
        ),
        pytest.param(
            replace(REQUEST, cache=CacheReferences(CACHE, CACHE)),
            "--cache=true --cache-copy-layers=false --cache-run-layers=true --cache-repo=reg.example/cache"
            " --skip-push-permission-check",
            id="cache",
        ),
        pytest.param(
            replace(REQUEST, cache=CacheReferences(CACHE, (), run_layers=False, copy_layers=True)),
            "--cache=true --cache-copy-layers=true --cache-run-layers=false --cache-repo=reg.example/cache"
            " --no-push-cache",
            id="read-only cache",
        ),
    ],
)
def test_command_line_of_a_request(request_: BuildRequest, flags: str) -> None:
    assert executor_arguments(request_, "/src", "/out", None) == (*WORDS, *flags.split(), "--log-format=text")


def test_log_format_comes_from_the_configuration() -> None:
    assert executor_arguments(REQUEST, "/src", "/out", "json")[-1] == "--log-format=json"


def test_only_loopback_registries_may_use_plain_http() -> None:
    places = ("127.0.0.1:5000/a/b", "reg.example/a/b", "localhost:5000/a/b", "127.0.0.1.example/a/b")
    cache = (reference("[::1]:5001/cache:layers"),)
    request = replace(REQUEST, repositories=tuple(map(repository, places)), cache=CacheReferences(cache, cache))
    insecure = [word for word in executor_arguments(request, "/src", "/out", None) if word.startswith("--insecure")]
    assert insecure == [f"--insecure-registry={host}" for host in ("127.0.0.1:5000", "localhost:5000", "[::1]:5001")]


@pytest.mark.parametrize("name", ["ADO_PAT", "COSIGN_PASSWORD", "AWS_SECRET_ACCESS_KEY", "KANIKO_NO_PUSH", "GODEBUG"])
def test_other_variables_of_the_job_do_not_reach_the_executor(name: str) -> None:
    given = {name: "x", "PATH": "/bin", "HTTPS_PROXY": "http://proxy"}
    for environment in (container_environment(given), own_root_environment(given, ())):
        assert name not in environment
        assert environment["HTTPS_PROXY"] == "http://proxy"


def test_environment_in_our_container() -> None:
    environment = container_environment({"KANIKO_DIR": "/elsewhere", "PATH": "/kaniko/ib/bin"})
    assert environment["KANIKO_DIR"] == "/kaniko"
    # A step of an image without PATH finds its program in the usual folders.
    assert environment["PATH"].startswith("/kaniko/ib/bin:/usr/local/sbin:")
    assert container_environment({})["PATH"].endswith(":/sbin:/bin")


def test_own_root_has_its_own_home_and_credentials() -> None:
    given = {"HOME": "/home/me", "DOCKER_CONFIG": "/home/me/.docker"}
    environment = own_root_environment(given, ("/kaniko/ssl/certs",))
    assert (environment["HOME"], environment["DOCKER_CONFIG"]) == ("/root", "/.kaniko/.docker")
    assert environment["SSL_CERT_DIR"] == "/kaniko/ssl/certs"


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        pytest.param(REQUEST, "None", id="plain"),
        pytest.param(replace(REQUEST, arguments=(BuildArgument("A", "\udcff"),)), "None", id="bytes"),
        *(
            pytest.param(replace(REQUEST, target=target), "is not the name of a stage", id=repr(target))
            for target in ("a,b", '"a"', "a\nb")
        ),
        pytest.param(
            replace(REQUEST, platforms=(Platform("linux", "amd64"), Platform("linux", "arm64"))),
            "kaniko builds one platform at a time",
            id="platforms",
        ),
    ],
)
def test_what_kaniko_cannot_carry_out_is_refused(request_: BuildRequest, refused: str) -> None:
    assert str(refusal(request_)).endswith(refused)
