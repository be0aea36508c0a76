"""Our source tree keeps the contract; faulty ones do not."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.source_tree import find_dockerfile, read_source
from image_builder_contracts.source_tree import ReadSource, SourceTreeContract
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.source import Source
from returns.result import Failure, Result


def good(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    return find_dockerfile(context, dockerfile).bind(lambda found: read_source(*found, env_file))


class TestSourceTree(SourceTreeContract):
    @pytest.fixture
    def read(self) -> ReadSource:
        return good


def follows_links(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    place = os.path.realpath(os.path.join(context, dockerfile or "Dockerfile"))
    return good(os.path.dirname(place), os.path.basename(place), env_file)


def prefers_lower_case(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    lower = "dockerfile" if os.path.exists(os.path.join(context, "dockerfile")) else None
    return good(context, dockerfile or lower, env_file)


def keeps_the_context_relative(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    return good(context, dockerfile, env_file).map(lambda found: replace(found, context=os.path.relpath(context)))


def takes_an_absolute_path(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    return good(context, os.path.relpath(dockerfile, context) if dockerfile else None, env_file)


def looks_beside_the_context(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    found = good(context, dockerfile, env_file)
    return good(context, None, None).bind(lambda other: found.map(lambda one: replace(one, variants=other.variants)))


def drops_variants(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    found = good(context, dockerfile, env_file)
    return found.lash(
        lambda problems: (
            read_source(context, "Dockerfile", None) if "variants" not in str(problems[0]) else _without(context)
        )
    )


def _without(context: str) -> Result[Source, Problems]:
    (Path(context) / "variants.yaml").unlink()
    return good(context, None, None)


def takes_variants_for_numbers(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    return good(context, dockerfile, env_file).map(
        lambda found: replace(
            found,
            variants=tuple(
                replace(one, arguments=tuple(BuildArgument(each.name, _number(each.value)) for each in one.arguments))
                for one in found.variants
            ),
        )
    )


def _number(text: str) -> str:
    return str(float(text)) if text.replace(".", "").isdecimal() else text


def replaces_odd_bytes(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    return good(context, dockerfile, env_file).map(
        lambda found: replace(
            found,
            env_file=tuple(
                BuildArgument(one.name, one.value.encode("utf-8", "replace").decode()) for one in found.env_file or ()
            ),
        )
    )


def raises(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    found = good(context, dockerfile, env_file)
    if isinstance(found, Failure):
        raise OSError(str(found.failure()[0]))
    return found


def says_what_and_not_what_to_do(
    context: str, dockerfile: str | None, env_file: str | None
) -> Result[Source, Problems]:
    return good(context, dockerfile, env_file).alt(
        lambda problems: tuple(Problem(one.where, one.what) for one in problems)
    )


def takes_any_env_file(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    found = good(context, dockerfile, None)
    if env_file is None:
        return found
    content = Path(context, env_file).read_text()
    return found.map(lambda one: replace(one, env_file=(BuildArgument("VERSION", content),)))


def knows_no_arguments(context: str, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
    found = good(context, dockerfile, env_file)
    if isinstance(found, Failure) or not found.unwrap().variants:
        return found
    return refuse("variants.yaml", "no argument is declared", "declare it")


CONTRACT = SourceTreeContract()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder, outside = tmp_path / "context", tmp_path / "outside"
    for made in (folder, outside):
        made.mkdir()
        (made / "Dockerfile").write_text("FROM scratch\nARG VERSION\n")
    (outside / "variants.yaml").write_text("'a': {VERSION: 1}\n")
    (outside / "x.env").write_text("VERSION=1\n")
    return folder


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [
        pytest.param(keeps_the_context_relative, CONTRACT.test_the_dockerfile_is_found_without_being_named, id="rel"),
        pytest.param(prefers_lower_case, CONTRACT.test_the_lower_case_name_counts_only_without_the_other, id="case"),
        pytest.param(takes_an_absolute_path, CONTRACT.test_an_absolute_dockerfile_is_refused, id="absolute"),
        pytest.param(
            says_what_and_not_what_to_do, CONTRACT.test_what_is_not_there_is_refused_with_a_remedy, id="no-remedy"
        ),
        pytest.param(knows_no_arguments, CONTRACT.test_declared_arguments_are_known, id="no-arguments"),
        pytest.param(takes_variants_for_numbers, CONTRACT.test_values_of_variants_are_taken_as_written, id="numbers"),
        pytest.param(
            replaces_odd_bytes, CONTRACT.test_the_env_file_lies_beside_the_dockerfile_byte_for_byte, id="bytes"
        ),
    ],
)
def test_a_faulty_reader_is_seen(spoilt: ReadSource, clause: Callable[[ReadSource, Path], None], context: Path) -> None:
    with pytest.raises((AssertionError, Exception), match=r".") as seen:
        clause(spoilt, context)
    assert "clause of the port SourceTree" in "".join(seen.value.__notes__)


def test_variants_of_another_folder_are_seen(context: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_variants_lie_beside_the_dockerfile(looks_beside_the_context, context)


def test_variants_that_are_dropped_in_silence_are_seen(context: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_variants_outside_of_the_context_are_refused(drops_variants, context, tmp_path)


@pytest.mark.parametrize("path", ["../outside/Dockerfile", "link", "folder/Dockerfile"])
def test_a_link_that_is_followed_is_seen(path: str, context: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_a_dockerfile_outside_of_the_context_is_refused(follows_links, context, path, tmp_path)


@pytest.mark.parametrize("path", ["../outside/x.env", "link.env"])
def test_an_env_file_of_a_stranger_is_seen(path: str, context: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_an_env_file_outside_of_the_context_is_refused(takes_any_env_file, context, path, tmp_path)


def test_an_exception_is_seen(context: Path) -> None:
    with pytest.raises(OSError, match="context"):
        CONTRACT.test_what_is_not_there_is_refused_with_a_remedy(raises, context)
