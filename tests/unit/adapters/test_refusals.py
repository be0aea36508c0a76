"""Requests that BuildKit or kaniko cannot carry out."""

from dataclasses import replace

import pytest
from image_builder_adapters.buildkit.command import refusal as buildkit_refusal
from image_builder_adapters.kaniko.command import refusal as kaniko_refusal
from image_builder_domain.build import BuildRequest
from image_builder_domain.image.platform import Platform
from image_builder_domain.source.build_argument import BuildArgument

PLAIN = BuildRequest("app", None, "/src", "Dockerfile", ())


def test_bytes_that_are_no_utf8_are_refused_by_name_without_their_value() -> None:
    bad = (BuildArgument("GOOD", "ü"), BuildArgument("BAD", "secret\udcff"))
    problem = buildkit_refusal(replace(PLAIN, arguments=bad))
    assert problem is not None
    assert "BAD" in problem
    assert "secret" not in problem
    assert buildkit_refusal(PLAIN) is None
    assert kaniko_refusal(replace(PLAIN, arguments=bad)) is None


@pytest.mark.parametrize("change", [{"target": "\udcff"}, {"dockerfile": "a\udcff/Dockerfile"}])
def test_names_that_are_no_utf8_are_refused(change: dict[str, str]) -> None:
    assert "not UTF-8" in str(buildkit_refusal(replace(PLAIN, **change)))  # type: ignore[arg-type] # text fields alone


@pytest.mark.parametrize(("value", "is_refused"), [("5", True), ("", True), ("+100", True), ("100", False)])
def test_a_reproducible_build_has_one_time(value: str, is_refused: bool) -> None:
    request = replace(PLAIN, arguments=(BuildArgument("SOURCE_DATE_EPOCH", value),))
    assert buildkit_refusal(request) is None
    assert (buildkit_refusal(replace(request, source_date_epoch=100)) is not None) is is_refused


@pytest.mark.parametrize("target", ["a,b", '"a"', "a\nb"])
def test_target_that_kaniko_would_read_as_several_is_refused(target: str) -> None:
    assert "stage" in str(kaniko_refusal(replace(PLAIN, target=target)))


def test_several_platforms_are_refused_for_kaniko() -> None:
    both = (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert "one platform" in str(kaniko_refusal(replace(PLAIN, platforms=both)))
    assert kaniko_refusal(PLAIN) is None
