"""Versions in git tags: which texts are versions, and which of two is higher."""

import pytest
from image_builder_domain.publish.semantic_version import SemanticVersion

# From the specification, section 11, and around it; lowest first.
_RISING = [
    *("0.0.0", "0.0.1", "0.1.0", "1.0.0-0", "1.0.0-1", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1"),
    *("1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0"),
    *("1.10.0", "2.0.0-rc.1", "2.0.0", "10.0.0"),
]


def version(text: str) -> SemanticVersion:
    found = SemanticVersion.parse(text)
    assert found is not None
    return found


def test_versions_rise_as_the_specification_says() -> None:
    for place, lower in enumerate(_RISING):
        for higher in _RISING[place + 1 :]:
            assert version(lower).is_lower_than(version(f"v{higher}")), (lower, higher)
            assert not version(higher).is_lower_than(version(lower)), (lower, higher)


def test_build_metadata_does_not_count() -> None:
    assert not version("1.0.0+1").is_lower_than(version("1.0.0+2"))
    assert not version("1.0.0+2").is_lower_than(version("1.0.0+1"))


@pytest.mark.parametrize(("text", "kept"), [("v1.2.3", "1.2.3"), ("1.2.3-rc.1+build.5", "1.2.3-rc.1+build.5")])
def test_the_letter_before_a_version_is_left_out(text: str, kept: str) -> None:
    assert str(version(text)) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "v", "1", "v1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "vv1.2.3", "V1.2.3"),
        *("1.2.3 ", "1.2.3\n", "release-1.2.3", "1.2.٣", "1.2.3-ä", "9" * 300 + ".0.0", "1.2.3-" + "a" * 300),
    ],
)
def test_other_texts_are_not_versions(text: str) -> None:
    assert SemanticVersion.parse(text) is None
