"""CI systems and the variables that they set in a job: which system it is, and whether this run builds a proposal.

Image Builder reads five of them by itself (:class:`CiSystem`). The others are listed so that their jobs are not taken
for a person's machine, and so that their marks of unmerged code count beside Prow's variables.

A row lists documented variables only, and none that people set on their own machines to use the system (tokens,
addresses of servers). A row lists only variables of its own system; those that several systems share are in
:data:`SHARED`. Each row names the documentation of its system.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, final

from image_builder_domain.job.git_state import CiSystem


@final
@dataclass(frozen=True, slots=True)
class KnownSystem:
    """One CI system.

    ``variables`` each say that a job of it runs here. ``marks`` each say that this run builds a proposal: a name stands
    for any value but an empty one, ``0``, ``false`` and ``none``; after ``=`` follows what the whole value must match.
    ``refs`` hold the ref that is built. A name may hold one ``*``. ``own`` is the system as Image Builder reads it.
    ``within`` names a system that sets these variables too.
    """

    name: str
    documentation: str
    variables: tuple[str, ...]
    marks: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    own: CiSystem | None = None
    within: str | None = None


def _row(
    name: str,
    documentation: str,
    variables: str,
    marks: str = "",
    refs: str = "",
    own: CiSystem | None = None,
    within: str | None = None,
) -> KnownSystem:
    """A row from names with blanks between them."""
    return KnownSystem(
        name,
        f"https://{documentation}",
        tuple(variables.split()),
        tuple(marks.split()),
        tuple(refs.split()),
        own,
        within,
    )


KNOWN_SYSTEMS: Final = (
    _row(
        "GitHub Actions",
        "docs.github.com/actions/reference/variables-reference",
        "GITHUB_ACTIONS GITHUB_RUN_ID GITHUB_EVENT_NAME GITHUB_EVENT_PATH GITHUB_WORKFLOW GITHUB_JOB GITHUB_REF",
        "GITHUB_HEAD_REF GITHUB_BASE_REF GITHUB_EVENT_NAME=pull_request|pull_request_target|merge_group",
        "GITHUB_REF",
        CiSystem.GITHUB,
    ),
    _row(
        "Prow",
        "docs.prow.k8s.io/docs/jobs",
        "PROW_JOB_ID",
        "PULL_NUMBER PULL_PULL_SHA PULL_HEAD_REF JOB_TYPE=presubmit|batch|merge_group",
        "PULL_BASE_REF",
        CiSystem.PROW,
    ),
    _row(
        "Azure Pipelines",
        "learn.microsoft.com/azure/devops/pipelines/build/variables",
        "TF_BUILD BUILD_BUILDID BUILD_SOURCEVERSION BUILD_SOURCEBRANCH SYSTEM_JOBID SYSTEM_DEFINITIONID",
        "SYSTEM_PULLREQUEST_PULLREQUESTID SYSTEM_PULLREQUEST_PULLREQUESTNUMBER SYSTEM_PULLREQUEST_SOURCECOMMITID "
        "SYSTEM_PULLREQUEST_TARGETBRANCH BUILD_REASON=PullRequest",
        "BUILD_SOURCEBRANCH",
        CiSystem.AZURE_PIPELINES,
    ),
    _row(
        "GitLab CI",
        "docs.gitlab.com/ci/variables/predefined_variables",
        "GITLAB_CI CI_PIPELINE_SOURCE CI_JOB_ID CI_PROJECT_ID CI_PIPELINE_ID",
        "CI_MERGE_REQUEST_IID CI_MERGE_REQUEST_EVENT_TYPE CI_EXTERNAL_PULL_REQUEST_IID "
        "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA CI_PIPELINE_SOURCE=merge_request_event|external_pull_request_event",
        "CI_COMMIT_REF_NAME",
        CiSystem.GITLAB,
    ),
    # Jobs of one branch build pull requests through plugins: ghprb, GitLab, Bitbucket, Gerrit.
    _row(
        "Jenkins",
        "www.jenkins.io/doc/book/pipeline/jenkinsfile",
        "JENKINS_URL JENKINS_HOME HUDSON_URL HUDSON_HOME JENKINS_NODE_COOKIE",
        "CHANGE_ID CHANGE_BRANCH CHANGE_TARGET CHANGE_FORK ghprbPullId ghprbActualCommit GITHUB_PR_NUMBER "
        "BITBUCKET_PULL_REQUEST_ID pullRequestId gitlabMergeRequestIid",
        "GIT_BRANCH BRANCH_NAME",
        CiSystem.JENKINS,
    ),
    _row(
        "CircleCI",
        "circleci.com/docs/reference/variables",
        "CIRCLECI CIRCLE_BUILD_NUM CIRCLE_JOB CIRCLE_SHA1 CIRCLE_WORKFLOW_ID CIRCLE_BRANCH CIRCLE_TAG",
        "CIRCLE_PULL_REQUEST CIRCLE_PULL_REQUESTS CIRCLE_PR_NUMBER CIRCLE_PR_REPONAME CIRCLE_PR_USERNAME "
        "CI_PULL_REQUEST CI_PULL_REQUESTS CIRCLE_BRANCH=pull/.*",
        "CIRCLE_BRANCH",
    ),
    _row(
        "Buildkite",
        "buildkite.com/docs/pipelines/configure/environment-variables",
        "BUILDKITE BUILDKITE_BUILD_ID BUILDKITE_BUILD_NUMBER BUILDKITE_JOB_ID BUILDKITE_COMMIT BUILDKITE_BRANCH",
        "BUILDKITE_PULL_REQUEST BUILDKITE_PULL_REQUEST_BASE_BRANCH BUILDKITE_PULL_REQUEST_REPO "
        "BUILDKITE_MERGE_QUEUE_BASE_BRANCH BUILDKITE_MERGE_QUEUE_BASE_COMMIT",
        "BUILDKITE_BRANCH",
    ),
    _row(
        "Bitbucket Pipelines",
        "support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets",
        "BITBUCKET_BUILD_NUMBER BITBUCKET_COMMIT BITBUCKET_PIPELINE_UUID BITBUCKET_BRANCH BITBUCKET_TAG",
        "BITBUCKET_PR_ID BITBUCKET_PR_DESTINATION_BRANCH BITBUCKET_PR_DESTINATION_COMMIT",
        "BITBUCKET_BRANCH",
    ),
    _row(
        "Drone",
        "docs.drone.io/pipeline/environment/reference",
        "DRONE DRONE_BUILD_NUMBER DRONE_BUILD_EVENT DRONE_COMMIT DRONE_COMMIT_SHA DRONE_REPO DRONE_STAGE_NAME",
        "DRONE_PULL_REQUEST DRONE_PULL_REQUEST_TITLE DRONE_BUILD_EVENT=pull_request",
        "DRONE_COMMIT_REF",
        within="Harness",
    ),
    _row(
        "Woodpecker",
        "woodpecker-ci.org/docs/usage/environment",
        "CI_SYSTEM_NAME CI_PIPELINE_NUMBER CI_PIPELINE_EVENT CI_REPO CI_REPO_ID CI_WORKFLOW_NAME CI_STEP_NAME",
        "CI_COMMIT_PULL_REQUEST CI_COMMIT_PULL_REQUEST_LABELS CI_COMMIT_TARGET_BRANCH CI_PIPELINE_EVENT=pull_request.*",
        "CI_COMMIT_REF",
    ),
    _row(
        "Travis CI",
        "docs.travis-ci.com/user/environment-variables",
        "TRAVIS TRAVIS_BUILD_ID TRAVIS_BUILD_NUMBER TRAVIS_JOB_ID TRAVIS_COMMIT TRAVIS_BRANCH TRAVIS_EVENT_TYPE",
        "TRAVIS_PULL_REQUEST TRAVIS_PULL_REQUEST_BRANCH TRAVIS_PULL_REQUEST_SHA TRAVIS_PULL_REQUEST_SLUG "
        "TRAVIS_EVENT_TYPE=pull_request",
    ),
    _row(
        "Semaphore",
        "docs.semaphoreci.com/reference/env-vars",
        "SEMAPHORE SEMAPHORE_JOB_ID SEMAPHORE_PIPELINE_ID SEMAPHORE_WORKFLOW_ID SEMAPHORE_GIT_SHA SEMAPHORE_GIT_REF",
        "SEMAPHORE_GIT_PR_NUMBER SEMAPHORE_GIT_PR_SHA SEMAPHORE_GIT_PR_BRANCH SEMAPHORE_GIT_PR_SLUG "
        "SEMAPHORE_GIT_PR_NAME SEMAPHORE_GIT_REF_TYPE=pull-request",
        "SEMAPHORE_GIT_REF",
    ),
    _row(
        "Cirrus CI",
        "cirrus-ci.org/guide/writing-tasks",
        "CIRRUS_CI CIRRUS_BUILD_ID CIRRUS_TASK_ID CIRRUS_CHANGE_IN_REPO CIRRUS_REPO_FULL_NAME CIRRUS_BRANCH",
        "CIRRUS_PR CIRRUS_BASE_BRANCH CIRRUS_BASE_SHA CIRRUS_BRANCH=pull/.*",
        "CIRRUS_BRANCH",
    ),
    _row(
        "AWS CodeBuild",
        "docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
        "CODEBUILD_BUILD_ID CODEBUILD_BUILD_ARN CODEBUILD_BUILD_NUMBER CODEBUILD_INITIATOR CODEBUILD_SRC_DIR "
        "CODEBUILD_RESOLVED_SOURCE_VERSION CODEBUILD_SOURCE_VERSION CODEBUILD_WEBHOOK_TRIGGER",
        "CODEBUILD_WEBHOOK_TRIGGER=pr/.* CODEBUILD_SOURCE_VERSION=pr/.* CODEBUILD_WEBHOOK_EVENT=PULL_REQUEST_.*",
        "CODEBUILD_SOURCE_VERSION CODEBUILD_WEBHOOK_HEAD_REF",
    ),
    # A personal build is one with a change that its author has not committed yet.
    _row(
        "TeamCity",
        "www.jetbrains.com/help/teamcity/predefined-build-parameters.html",
        "TEAMCITY_VERSION TEAMCITY_PROJECT_NAME TEAMCITY_BUILDCONF_NAME TEAMCITY_BUILD_PROPERTIES_FILE",
        "BUILD_IS_PERSONAL teamcity.pullRequest.number TEAMCITY_PULLREQUEST_NUMBER TEAMCITY_PULL_REQUEST_NUMBER",
        "teamcity.build.branch TEAMCITY_BUILD_BRANCH",
    ),
    _row(
        "Bamboo",
        "confluence.atlassian.com/bamboo/bamboo-variables-289277087.html",
        "bamboo_buildKey bamboo_buildNumber bamboo_buildResultKey bamboo_planKey bamboo_agentId bamboo_planName",
        "bamboo_repository_pr_key bamboo_repository_pr_sourceBranch bamboo_repository_pr_targetBranch",
        "bamboo_planRepository_branch",
    ),
    # Pull requests come through plugins, which name their variables after the material.
    _row(
        "GoCD",
        "docs.gocd.org/current/faq/dev_use_current_revision_in_build.html",
        "GO_PIPELINE_NAME GO_PIPELINE_COUNTER GO_STAGE_NAME GO_STAGE_COUNTER GO_JOB_NAME GO_TRIGGER_USER GO_REVISION",
        "GO_SCM_*_PR_ID GO_SCM_*_PR_URL GO_SCM_*_PR_BRANCH",
    ),
    # The author of a build step chooses which substitutions it sees; this folder is always there.
    _row(
        "Google Cloud Build",
        "docs.cloud.google.com/build/docs/configuring-builds/substitute-variable-values",
        "BUILDER_OUTPUT TRIGGER_NAME TRIGGER_BUILD_CONFIG_PATH REPO_FULL_NAME _PR_NUMBER _HEAD_BRANCH _BASE_BRANCH",
        "_PR_NUMBER _HEAD_BRANCH _BASE_BRANCH _HEAD_REPO_URL",
    ),
    # Its tasks have no variable for what is built; a resource names its pull request in files of its own.
    _row(
        "Concourse",
        "concourse-ci.org/docs/resources/implementing",
        "BUILD_PIPELINE_NAME BUILD_PIPELINE_ID BUILD_JOB_NAME BUILD_TEAM_NAME BUILD_TEAM_ID ATC_EXTERNAL_URL",
    ),
    _row(
        "AppVeyor",
        "www.appveyor.com/docs/environment-variables",
        "APPVEYOR APPVEYOR_BUILD_ID APPVEYOR_BUILD_NUMBER APPVEYOR_JOB_ID APPVEYOR_REPO_COMMIT APPVEYOR_REPO_BRANCH",
        "APPVEYOR_PULL_REQUEST_NUMBER APPVEYOR_PULL_REQUEST_TITLE APPVEYOR_PULL_REQUEST_HEAD_COMMIT "
        "APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME",
    ),
    # Its pull requests have Drone's variables.
    _row(
        "Harness",
        "developer.harness.io/docs/continuous-integration/troubleshoot-ci/ci-env-var",
        "HARNESS_BUILD_ID HARNESS_PIPELINE_ID HARNESS_EXECUTION_ID HARNESS_STAGE_ID HARNESS_STEP_ID",
        "DRONE_PULL_REQUEST DRONE_PULL_REQUEST_TITLE DRONE_BUILD_EVENT=pull_request",
        "DRONE_COMMIT_REF",
    ),
    _row(
        "Codefresh",
        "codefresh.io/docs/docs/pipelines/variables",
        "CF_BUILD_ID CF_BUILD_URL CF_PIPELINE_NAME CF_REVISION CF_REPO_NAME CF_BRANCH",
        "CF_PULL_REQUEST_NUMBER CF_PULL_REQUEST_ID CF_PULL_REQUEST_ACTION CF_PULL_REQUEST_TARGET",
    ),
    _row(
        "Codemagic",
        "docs.codemagic.io/yaml-basic-configuration/environment-variables",
        "CM_BUILD_ID CM_PROJECT_ID CM_COMMIT CM_BRANCH CM_REPO_SLUG FCI_BUILD_ID FCI_COMMIT",
        "CM_PULL_REQUEST CM_PULL_REQUEST_NUMBER CM_PULL_REQUEST_DEST FCI_PULL_REQUEST FCI_PULL_REQUEST_NUMBER",
    ),
    _row(
        "Screwdriver",
        "docs.screwdriver.cd/user-guide/environment-variables",
        "SCREWDRIVER SD_BUILD_ID SD_BUILD_SHA SD_EVENT_ID SD_JOB_ID SD_JOB_NAME SD_PIPELINE_ID",
        "SD_PULL_REQUEST SD_JOB_NAME=PR-.*",
    ),
    _row(
        "Render",
        "render.com/docs/environment-variables",
        "RENDER RENDER_SERVICE_ID RENDER_SERVICE_NAME RENDER_GIT_COMMIT RENDER_GIT_BRANCH",
        "IS_PULL_REQUEST",
        "RENDER_GIT_BRANCH",
    ),
    _row(
        "Vela",
        "go-vela.github.io/docs/reference/environment/variables",
        "VELA VELA_BUILD_NUMBER VELA_BUILD_COMMIT VELA_BUILD_EVENT VELA_BUILD_REF VELA_REPO_FULL_NAME",
        "VELA_PULL_REQUEST VELA_BUILD_PULL_REQUEST VELA_PULL_REQUEST_SOURCE VELA_PULL_REQUEST_TARGET "
        "VELA_BUILD_EVENT=pull_request.*",
        "VELA_BUILD_REF",
    ),
    # It sets BUILD_REASON as Azure Pipelines does, with other values.
    _row(
        "SourceHut builds",
        "man.sr.ht/builds.sr.ht",
        "BUILD_SUBMITTER PATCHSET_ID PATCHSET_URL",
        "PATCHSET_ID PATCHSET_URL BUILD_REASON=patchset",
        "GIT_REF",
    ),
)

SHARED: Final = frozenset(
    {
        *("BUILD_ID", "BUILD_NUMBER", "BUILD_URL", "BUILD_REASON", "BUILD_IS_PERSONAL"),
        *("JOB_ID", "JOB_URL", "JOB_NAME", "JOB_SPEC"),
        *("CI_NAME", "CI_BUILD_ID", "CI_BUILD_NUMBER", "CI_COMMIT_SHA", "CI_COMMIT_BRANCH", "CI_COMMIT_REF"),
        *("CI_PULL_REQUEST", "CI_PULL_REQUESTS", "IS_PULL_REQUEST"),
    }
)
"""Variables that several CI systems set: they show that this is a job, but not of which system."""


def _owned(system: KnownSystem) -> Iterator[str]:
    """The names that belong only to this system: its variables, and its marks unless other places use them.

    Marks of the five systems that Image Builder reads are left out: a person may set them beside Prow's variables.
    """
    yield from system.variables
    if system.own is None:
        yield from (mark.partition("=")[0] for mark in system.marks if mark.partition("=")[0] not in SHARED)


_OWNERS: Final = {name: system for system in reversed(KNOWN_SYSTEMS) for name in _owned(system) if "*" not in name}
_PATTERNS: Final = [(name, system) for system in KNOWN_SYSTEMS for name in _owned(system) if "*" in name]


def systems_in(given: Mapping[str, str]) -> dict[KnownSystem, str]:
    """The systems that variables of ``given`` (none of them empty) belong to, each with the first such variable."""
    found: dict[KnownSystem, str] = {}
    for name in given:
        system = _owner(name)
        if system is not None:
            found.setdefault(system, name)
    names = {system.name for system in found}
    return {system: name for system, name in found.items() if system.within not in names}


def _owner(name: str) -> KnownSystem | None:
    if name in _OWNERS:
        return _OWNERS[name]
    return next((system for pattern, system in _PATTERNS if fnmatchcase(name, pattern)), None)


def marks_in(given: Mapping[str, str]) -> list[str]:
    """The variables of any system that say that this run builds a proposal; refs are not examined."""
    found = (name for system in KNOWN_SYSTEMS for mark in system.marks for name in _marking(given, mark))
    return list(dict.fromkeys(found))


def _marking(given: Mapping[str, str], mark: str) -> Iterator[str]:
    name, is_value, pattern = mark.partition("=")
    names = (name,) if "*" not in name else tuple(other for other in given if fnmatchcase(other, name))
    for other in names:
        value = given.get(other, "")
        if re.fullmatch(pattern, value) if is_value else says_something(value):
            yield other


def says_something(value: str) -> bool:
    """False for the values that systems write without a pull request, and for a macro that Azure did not replace."""
    return value.lower() not in ("", "0", "false", "none") and not (value.startswith("$(") and value.endswith(")"))


REFS: Final = tuple(dict.fromkeys(name for system in KNOWN_SYSTEMS for name in system.refs))
"""Variables that hold the ref which is built, full or short."""
