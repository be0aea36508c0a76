"""pr-tags-in-registry lets only a pull request's own tags through, with any template (T3)."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.tags import decide_tags
from image_builder_domain.problem import Problems
from image_builder_domain.tag import Tag, TagSpec
from image_builder_domain.trust.pull_request_tags import has_pull_request_shape
from returns.result import Failure, Result, Success

COMMIT = "abcdef1234567890" + "0" * 24
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def only_registry(pull_request: str, additional: str | None = None, commit: str | None = None) -> Configuration:
    found = Configuration(
        "config.yaml",
        registries=(RegistryPrefix.parse("reg.example/prod").unwrap(),),
        pr_tags_in_registry=True,
        pr_tag=TagSpec("default_tag", pull_request, "config.yaml:1:1: default-pr-tag"),
        additional_pr_tag=None if additional is None else TagSpec("additional_tag", additional, "config.yaml:2:1"),
    )
    return found if commit is None else replace(found, commit_tag=TagSpec("default_tag", commit, "config.yaml:3:1"))


def tags(found: Configuration, number: int = 7, head: str = "fix/typo") -> Result[tuple[Tag, ...], Problems]:
    state = GitState(CiSystem.PROW, JobType.PRESUBMIT, COMMIT, "acme", "demo", number, head_ref=head)
    environment = {"PULL_HEAD_REF": head, "PULL_NUMBER": str(number)}
    return decide_tags(TagInputs(Asked("app"), Success(found), Success(state), TIME, environment))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("latest", "does not hold .PRNumber"),
        ("v{{ .Date }}-{{ .ShortSHA }}", "does not hold .PRNumber"),
        ('PR-{{ .PRNumber }}{{ .Env "PULL_HEAD_REF" }}', "holds .Env"),
        ("{{ if .PRNumber }}latest{{ end }}", "gives two pull requests the same tag, 'latest'"),
        ('{{ if eq .PRNumber "7" }}latest{{ else }}PR-{{ .PRNumber }}{{ end }}', "does not hold the number 7"),
        ("PR-{{ len .PRNumber }}-{{ .ShortSHA }}", "gives two pull requests the same tag"),
        ("PR-{{ .PRNumber }}1", "does not hold the number 7"),
        ("v{{ .PRNumber }}", "begins like a version"),
        ("V{{ .PRNumber }}", "begins like a version"),
        ("{{ .PRNumber }}", "begins like a version"),
        ("{{ .Date }}-{{ .PRNumber }}", "begins like a version"),
    ],
)
def test_a_template_that_could_give_another_tag_is_refused(template: str, reason: str) -> None:
    for found in (only_registry(template), only_registry("PR-{{ .PRNumber }}", template)):
        refused = tags(found)
        assert isinstance(refused, Failure)
        assert any(reason in problem.what and template in problem.what for problem in refused.failure()), refused


@pytest.mark.parametrize(
    ("commit", "pull_request", "is_allowed"),
    [
        ("main-{{ .Date }}", "main-{{ .PRNumber }}", False),
        ("main-{{ .ShortSHA }}", "main-{{ .PRNumber }}", False),
        ('{{ .Time.Format "Jan-2" }}', "Feb-{{ .PRNumber }}", False),
        ("main-{{ .ShortSHA }}", "PR-{{ .PRNumber }}", True),
        ("{{ .ShortSHA }}", "PR-{{ .PRNumber }}", True),
        ("v{{ .Date }}-{{ .ShortSHA }}", "PR-{{ .PRNumber }}-{{ .ShortSHA }}", True),
    ],
)
def test_no_template_gives_what_could_be_a_tag_of_a_commit(commit: str, pull_request: str, is_allowed: bool) -> None:
    assert isinstance(tags(only_registry(pull_request, commit=commit)), Success) == is_allowed


PIECES = (
    *("PR-", "pr", "v", "-", ".", "latest", "1", "{{ .PRNumber }}", "{{ .ShortSHA }}", "{{ .Date }}"),
    *('{{ .Env "PULL_HEAD_REF" }}', '{{ .Env "PULL_NUMBER" }}', '{{ printf "%.1s" .PRNumber }}', "{{ len .PRNumber }}"),
    *('{{ if eq .PRNumber "7" }}latest{{ else }}PR-{{ .PRNumber }}{{ end }}', "{{ with .PRNumber }}x{{ end }}"),
)
templates = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)


@given(templates, st.none() | templates, st.sampled_from((1, 7, 8, 17, 123456)), st.sampled_from(("latest", "v1.2")))
def test_every_accepted_template_gives_a_tag_of_the_pull_request(
    default: str, additional: str | None, number: int, head: str
) -> None:
    found = tags(only_registry(default, additional), number, head)
    if isinstance(found, Failure):
        return
    other = tags(only_registry(default, additional), number + 1).value_or(())
    for tag in found.unwrap():
        assert str(number) in re.findall("[0-9]+", tag.value)
        assert tag.value[0] not in "vV0123456789"
        assert tag.value not in {found.value for found in other}
        assert has_pull_request_shape(tag.value, only_registry(default, additional))
        assert has_pull_request_shape(f"{tag.value}-1.23", only_registry(default, additional))
    # The author of a branch chooses its name, and must not choose a tag with it.
    assert found == tags(only_registry(default, additional), number, "fix/typo")


@pytest.mark.parametrize("template", ["PR-{{ .PRNumber }}", "PR-{{ .PRNumber }}-{{ .ShortSHA }}", "pr{{ .PRNumber }}x"])
def test_good_templates_are_taken(template: str) -> None:
    assert isinstance(tags(only_registry(template)), Success)


@pytest.mark.parametrize(
    ("template", "tag", "has_shape"),
    [
        ("PR-{{ .PRNumber }}", "PR-7", True),
        ("PR-{{ .PRNumber }}", "PR-1234", True),
        ("PR-{{ .PRNumber }}", "PR-7-1.23", True),
        ("PR-{{ .PRNumber }}", "PR-x", False),
        ("PR-{{ .PRNumber }}", "latest", False),
        ("PR-{{ .PRNumber }}", "v20260102-abcdef12", False),
        ("PR-{{ .PRNumber }}-{{ .ShortSHA }}", "PR-7-deadbeef", True),
        ('{{ if eq .PRNumber "7" }}odd-{{ end }}{{ .PRNumber }}', "odd-7", True),
    ],
)
def test_the_shape_of_a_pull_request_s_tag_is_known_for_every_number(template: str, tag: str, has_shape: bool) -> None:
    assert has_pull_request_shape(tag, only_registry(template)) is has_shape
