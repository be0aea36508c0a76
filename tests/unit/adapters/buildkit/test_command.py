"""The buildctl command line, word by word."""

import csv
from dataclasses import replace

import pytest
from image_builder_adapters.buildkit.command import build_arguments, exports_side_by_side, refusal
from image_builder_contracts.image_engine import reference, repository
from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.image.platform import Platform
from image_builder_domain.source.build_argument import BuildArgument

REPOSITORIES = (repository("a.example/x/app"), repository("a.example/y/app"), repository("b.example/app"))
PLAIN = BuildRequest("app", None, "/src", "Dockerfile", REPOSITORIES)
BY_DIGEST = ",push=true,push-by-digest=true,name-canonical=true"


def values(request: BuildRequest, flag: str) -> list[str]:
    words = build_arguments(request)
    return [words[index + 1] for index, word in enumerate(words) if word == flag]


def test_command_line_of_a_plain_build() -> None:
    assert build_arguments(PLAIN) == (
        *("build", "--progress=rawjson", "--frontend=dockerfile.v0"),
        *("--local", "context=/src", "--local", "dockerfile=/src", "--opt", "filename=Dockerfile"),
        *("--output", f'type=image,"name=a.example/x/app,a.example/y/app"{BY_DIGEST}'),
        *("--output", f"type=image,name=b.example/app{BY_DIGEST}"),
    )


def test_an_old_daemon_gets_one_output_with_all_names_in_one_field() -> None:
    words = build_arguments(PLAIN, one_output=True)
    assert words.count("--output") == 1
    fields = next(csv.reader([words[words.index("--output") + 1]]))
    assert fields[1] == "name=a.example/x/app,a.example/y/app,b.example/app"


@pytest.mark.parametrize(
    ("version", "is_new"),
    [("v0.28.0", True), ("v0.33.0-rc1", True), ("1.0.0", True), ("v0.27.9", False), ("v0.9.0", False), ("", False)],
)
def test_outputs_are_exported_side_by_side_since_0_28(version: str, is_new: bool) -> None:
    assert exports_side_by_side(version) is is_new


@pytest.mark.parametrize(
    ("platforms", "fields"),
    [
        (("linux/amd64",), ["annotation.a=1,2", 'annotation.b=x="y"']),
        (
            ("linux/amd64", "linux/arm64"),
            ["annotation.a=1,2", "annotation-index.a=1,2", 'annotation.b=x="y"', 'annotation-index.b=x="y"'],
        ),
    ],
)
def test_annotations_are_fields_of_the_output(platforms: tuple[str, ...], fields: list[str]) -> None:
    parsed = tuple(Platform.parse(text).unwrap() for text in platforms)
    request = replace(PLAIN, platforms=parsed, annotations=(("a", "1,2"), ("b", 'x="y"')))
    for output in values(request, "--output"):
        assert next(csv.reader([output]))[5:] == fields


@pytest.mark.parametrize(
    ("context", "dockerfile", "folder", "filename"),
    [
        pytest.param("/src", "docker/app.Dockerfile", "/src/docker", "app.Dockerfile", id="subfolder"),
        pytest.param("/src", "./Dockerfile", "/src", "Dockerfile", id="dot"),
        pytest.param("/", "Dockerfile", "/", "Dockerfile", id="root folder"),
        pytest.param('/a, b="c"', 'd,e/f="g"', '/a, b="c"/d,e', 'f="g"', id="commas, quotes, equals signs"),
    ],
)
def test_dockerfile_is_read_from_its_own_folder(context: str, dockerfile: str, folder: str, filename: str) -> None:
    request = replace(PLAIN, context=context, dockerfile=dockerfile)
    assert values(request, "--local") == [f"context={context}", f"dockerfile={folder}"]
    assert values(request, "--opt") == [f"filename={filename}"]


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        pytest.param(
            replace(PLAIN, arguments=(BuildArgument("A", 'x y, "z"=1'), BuildArgument("B", ""))),
            ['build-arg:A=x y, "z"=1', "build-arg:B="],
            id="arguments",
        ),
        pytest.param(
            replace(PLAIN, platforms=(Platform("linux", "amd64"), Platform("linux", "arm", "v7"))),
            ["platform=linux/amd64,linux/arm/v7"],
            id="platforms",
        ),
        pytest.param(replace(PLAIN, target="final"), ["target=final"], id="target"),
        pytest.param(replace(PLAIN, labels=(("a", 'x, "y"=1'),)), ['label:a=x, "y"=1'], id="labels"),
        pytest.param(replace(PLAIN, source_date_epoch=0), ["build-arg:SOURCE_DATE_EPOCH=0"], id="reproducible"),
    ],
)
def test_options_of_a_request(request_: BuildRequest, options: list[str]) -> None:
    assert values(request_, "--opt") == ["filename=Dockerfile", *options]


def test_reproducible_build_rewrites_timestamps() -> None:
    for output in values(replace(PLAIN, source_date_epoch=0), "--output"):
        assert output.endswith(f"{BY_DIGEST},rewrite-timestamp=true")


def test_cache_failure_never_fails_a_build() -> None:
    read, written = reference("c.example/r:x"), reference("c.example/w:x")
    request = replace(PLAIN, cache=CacheReferences(imports=(read, written), exports=(written,)))
    assert values(request, "--export-cache") == ["type=registry,ref=c.example/w:x,mode=max,ignore-error=true"]
    assert values(request, "--import-cache") == ["type=registry,ref=c.example/r:x", "type=registry,ref=c.example/w:x"]


# --- requests that BuildKit cannot carry out ----------------------------------------------------------------------


def test_an_argument_that_is_not_utf8_is_refused_by_name_without_its_value() -> None:
    bad = (BuildArgument("GOOD", "ü"), BuildArgument("BAD", "secret\udcff"))
    problem = str(refusal(replace(PLAIN, arguments=bad)))
    assert "BAD" in problem
    assert "secret" not in problem
    assert refusal(PLAIN) is None


@pytest.mark.parametrize("request_", [replace(PLAIN, target="\udcff"), replace(PLAIN, dockerfile="a\udcff/Dockerfile")])
def test_names_that_are_not_utf8_are_refused(request_: BuildRequest) -> None:
    assert "not UTF-8" in str(refusal(request_))


def test_an_annotation_whose_name_buildctl_would_change_is_refused() -> None:
    assert "'org.Example'" in str(refusal(replace(PLAIN, annotations=(("org.Example", "x"),))))
    assert refusal(replace(PLAIN, labels=(("org.Example", "x"),), annotations=(("org.example", "X"),))) is None


@pytest.mark.parametrize(("value", "is_refused"), [("5", True), ("", True), ("+100", True), ("100", False)])
def test_a_reproducible_build_has_one_time(value: str, is_refused: bool) -> None:
    request = replace(PLAIN, arguments=(BuildArgument("SOURCE_DATE_EPOCH", value),))
    assert refusal(request) is None
    assert (refusal(replace(request, source_date_epoch=100)) is not None) is is_refused
