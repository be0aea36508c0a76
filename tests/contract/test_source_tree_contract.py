"""Our source tree keeps the contract; faulty ones do not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.source_tree import find_dockerfile, read_source
from image_builder_contracts.source_tree import ReadSource, SourceTreeContract
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.build_source import Source
from returns.result import Failure, Result

from tests.contract.clauses import not_kept


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
    return found.lash(lambda problems: _without(context) if "variants" in str(problems[0]) else found)


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


FAULTY: dict[ReadSource, set[str]] = {
    keeps_the_context_relative: {"the_dockerfile_is_found_without_being_named"},
    prefers_lower_case: {"the_lower_case_name_counts_only_without_the_other"},
    takes_an_absolute_path: {
        "a_dockerfile_is_named_relative_to_the_context",
        "an_absolute_dockerfile_is_refused",
        "the_env_file_lies_beside_the_dockerfile_byte_for_byte",
        "variants_lie_beside_the_dockerfile",
    },
    says_what_and_not_what_to_do: {
        "a_dockerfile_outside_of_the_context_is_refused",
        "an_absolute_dockerfile_is_refused",
        "an_env_file_outside_of_the_context_is_refused",
        "declared_arguments_are_known",
        "variants_outside_of_the_context_are_refused",
        "what_is_not_there_is_refused_with_a_remedy",
    },
    knows_no_arguments: {
        "declared_arguments_are_known",
        "values_of_variants_are_taken_as_written",
        "variants_lie_beside_the_dockerfile",
    },
    takes_variants_for_numbers: {"values_of_variants_are_taken_as_written"},
    replaces_odd_bytes: {"the_env_file_lies_beside_the_dockerfile_byte_for_byte"},
    looks_beside_the_context: {"variants_lie_beside_the_dockerfile"},
    drops_variants: {"declared_arguments_are_known", "variants_outside_of_the_context_are_refused"},
    follows_links: {
        "a_dockerfile_is_named_relative_to_the_context",
        "a_dockerfile_outside_of_the_context_is_refused",
        "an_absolute_dockerfile_is_refused",
        "the_lower_case_name_counts_only_without_the_other",
    },
    takes_any_env_file: {
        "an_env_file_outside_of_the_context_is_refused",
        "the_env_file_lies_beside_the_dockerfile_byte_for_byte",
        "what_is_not_there_is_refused_with_a_remedy",
    },
    raises: {
        "a_dockerfile_outside_of_the_context_is_refused",
        "an_absolute_dockerfile_is_refused",
        "an_env_file_outside_of_the_context_is_refused",
        "declared_arguments_are_known",
        "variants_outside_of_the_context_are_refused",
        "what_is_not_there_is_refused_with_a_remedy",
    },
}
"""Readers with one fault each, and the clauses that they do not keep."""


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A context in a folder, with another folder of a stranger beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder, outside = Path(name, "context"), Path(name, "outside")
        for made in (folder, outside):
            made.mkdir()
            (made / "Dockerfile").write_text("FROM scratch\nARG VERSION\n")
        (outside / "variants.yaml").write_text("'a': {VERSION: 1}\n")
        (outside / "x.env").write_text("VERSION=1\n")
        yield folder, Path(name)


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_reader_is_rejected(faulty: ReadSource) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with folders() as (context, tmp_path):
            yield {"read": faulty, "context": context, "tmp_path": tmp_path}

    assert not_kept(SourceTreeContract, fixtures) == FAULTY[faulty]
