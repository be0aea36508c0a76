"""What an image says of itself, and what is believed of what a manifest claims."""

from dataclasses import replace

import pytest
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.semantic_version import SemanticVersion

_COMMIT = "abcdef1234567890" + "0" * 24
_STATE = GitState(CiSystem.GITHUB, JobType.POSTSUBMIT, _COMMIT, "acme", "demo", host="github.com")
_AZURE_REPOS = {
    "BUILD_REPOSITORY_PROVIDER": "TfsGit",
    "BUILD_REPOSITORY_URI": "https://acme:secret@dev.azure.com/acme/shop/_git/demo",
}


def test_a_release_is_described_whole() -> None:
    described = Identity.of_job(replace(_STATE, tag="v1.2.3"), {}, 1_700_000_000).described("team/app")
    assert dict(described) == {
        "org.opencontainers.image.source": "https://github.com/acme/demo",
        "org.opencontainers.image.revision": _COMMIT,
        "org.opencontainers.image.title": "team/app",
        "org.opencontainers.image.version": "1.2.3",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "dev.image-builder.commit-time": "1700000000",
        "dev.image-builder.version": "1.2.3",
    }


def test_what_is_unknown_is_left_out() -> None:
    pushed = dict(Identity.of_job(replace(_STATE, tag="nightly"), {}, None).described("app"))
    assert pushed["org.opencontainers.image.version"] == "abcdef12"
    assert sorted(name.rpartition(".")[2] for name in pushed) == ["revision", "source", "title", "version"]
    batch = replace(_STATE, commit=None, host=None)
    assert Identity.of_job(batch, {}, 1_700_000_000).described("app") == (("org.opencontainers.image.title", "app"),)


@pytest.mark.parametrize(
    ("state", "environment", "source"),
    [
        (replace(_STATE, host="git.example:8443", owner="a/b"), {}, "https://git.example:8443/a/b/demo"),
        (replace(_STATE, system=CiSystem.AZURE_PIPELINES), {}, "https://github.com/acme/demo"),
        (
            replace(_STATE, system=CiSystem.AZURE_PIPELINES, host="dev.azure.com", owner="shop"),
            _AZURE_REPOS,
            "https://dev.azure.com/acme/shop/_git/demo",
        ),
        (_STATE, _AZURE_REPOS, "https://github.com/acme/demo"),
        (replace(_STATE, owner=None), {}, None),
    ],
)
def test_the_source_is_the_url_of_the_repository(
    state: GitState, environment: dict[str, str], source: str | None
) -> None:
    assert Identity.of_job(state, environment, None).source == source


@pytest.mark.parametrize(
    ("repository", "remote", "source"),
    [
        (("acme", "demo"), "https://user:secret@git.example:8443/acme/demo.git", "https://git.example:8443/acme/demo"),
        (("acme", "demo"), "git@github.com:Acme/demo", "https://github.com/Acme/demo"),
        (("acme", "demo"), "https://github.com/fork/demo", None),
        ((None, None), "ssh://git@github.com/acme/demo/", "https://github.com/acme/demo"),
        ((None, None), "/srv/git/demo", None),
        ((None, None), "file:///srv/git/demo", None),
        ((None, None), None, None),
    ],
)
def test_a_job_without_a_host_is_of_the_remote_with_the_name_of_its_repository(
    repository: tuple[str | None, str | None], remote: str | None, source: str | None
) -> None:
    state = replace(_STATE, host=None, owner=repository[0], repo=repository[1])
    assert Identity.of_job(state, {}, None, remote).source == source
    assert Identity.of_job(_STATE, {}, None, remote).source == "https://github.com/acme/demo"


def test_a_manifest_of_ours_is_read_back() -> None:
    ours = Identity.of_job(replace(_STATE, tag="v1.2.3-rc.1"), {}, 1_700_000_000)
    assert Identity.of_annotations(dict(ours.described("app"))) == ours


@pytest.mark.parametrize("time", ["", "-1", "+1", "1.5", "1e9", "1_000", "٣", "9" * 12, " 1"])
def test_a_malformed_claim_counts_as_unknown(time: str) -> None:
    claimed = {
        "org.opencontainers.image.revision": "main; rm -rf /",
        "dev.image-builder.commit-time": time,
        "dev.image-builder.version": "v1",
    }
    assert Identity.of_annotations(claimed) == Identity()


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://github.com/acme/demo", True),
        ("https://github.com/ACME/demo.git", True),
        ("https://github.com/acme/demo/", True),
        ("https://github.com/acme/demo2", False),
        ("https://example.org/acme/demo", False),
        (None, False),
    ],
)
def test_sources_compare_as_forges_compare_them(other: str | None, *, is_same: bool) -> None:
    ours = Identity("https://github.com/acme/demo")
    assert (ours.is_same_source(Identity(other)), Identity(other).is_same_source(ours)) == (is_same, is_same)
    assert not Identity().is_same_source(Identity())


def test_a_time_too_far_away_is_not_written() -> None:
    identity = Identity(revision=_COMMIT, commit_time=10**12, release=SemanticVersion.parse("1.0.0"))
    assert "org.opencontainers.image.created" not in dict(identity.described("app"))
