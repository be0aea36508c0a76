"""The jobs of each CI system as the documentation has them: the script that runs, and the system's variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import yaml

from tests.jobs import BASE, HEAD, MERGE

_DOCS = Path(__file__).parents[1] / "docs"
_PARAMETERS = {"owner": "acme", "repository": "hello", "ref": "refs/heads/main", "commit": BASE}
_PULL_PARAMETERS = _PARAMETERS | {"pull-request": "7", "head": HEAD}


@final
@dataclass(frozen=True, slots=True)
class DocumentedJob:
    """One job. ``push`` and ``pull`` are the variables of both kinds of runs, ``shell`` runs the script."""

    system: str
    script: str
    shell: tuple[str, ...]
    push: Mapping[str, str]
    pull: Mapping[str, str]


def documented_jobs() -> tuple[DocumentedJob, ...]:
    """Every job of the pages on CI systems that does not need files of the system beside variables."""
    return (_gitlab(), _jenkins(), _azure(), _bitbucket(), _buildkite(), _tekton(), _woodpecker())


def github_step() -> tuple[str, dict[str, str]]:
    """The script of the step in the job for GitHub Actions, and the variables that the job gives it."""
    (workflow,) = [block for block in _yaml("ci-systems.md") if "jobs" in block]
    step = next(step for step in workflow["jobs"]["image"]["steps"] if step.get("id") == "image")
    return step["run"], step["env"]


def _gitlab() -> DocumentedJob:
    (job,) = [block["image"] for block in _yaml("ci-systems.md") if isinstance(block.get("image"), dict)]
    common = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PROJECT_NAMESPACE": "acme",
        "CI_PROJECT_NAME": "hello",
        "CI_PROJECT_PATH": "acme/hello",
        "CI_SERVER_HOST": "gitlab.com",
        "CI_DEFAULT_BRANCH": "main",
        **{name: str(value) for name, value in job["variables"].items()},
    }
    push = {
        **common,
        "CI_PIPELINE_SOURCE": "push",
        "CI_COMMIT_SHA": BASE,
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_REF_NAME": "main",
        "CI_COMMIT_REF_PROTECTED": "true",
    }
    pull = {
        **common,
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_COMMIT_SHA": HEAD,
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_COMMIT_REF_NAME": "fix/typo",
    }
    return DocumentedJob("GitLab CI", "\n".join(job["script"]), ("sh", "-e"), push, pull)


def _jenkins() -> DocumentedJob:
    (block,) = _blocks("ci-systems.md", "groovy")
    (script,) = re.findall(r"sh '''\n(.*?)'''", block, re.DOTALL)
    common = {
        "CI": "true",
        "JENKINS_URL": "https://ci.example/",
        "GIT_URL": "https://github.com/acme/hello.git",
        **dict(re.findall(r"^    (\w+) = '(\w+)'$", block, re.MULTILINE)),
    }
    push = {**common, "JOB_NAME": "acme/hello/main", "BRANCH_NAME": "main", "GIT_COMMIT": BASE}
    pull = {
        **common,
        "JOB_NAME": "acme/hello/PR-7",
        "BRANCH_NAME": "PR-7",
        "CHANGE_ID": "7",
        "CHANGE_TARGET": "main",
        "CHANGE_BRANCH": "fix/typo",
        "GIT_COMMIT": HEAD,
    }
    return DocumentedJob("Jenkins", script, ("sh", "-xe"), push, pull)


def _azure() -> DocumentedJob:
    (pipeline,) = [block for block in _yaml("ci-systems.md") if "trigger" in block]
    step = next(step for step in pipeline["steps"] if step.get("name") == "image")
    common = {
        "TF_BUILD": "True",
        "BUILD_BUILDID": "501",
        "BUILD_REPOSITORY_PROVIDER": "GitHub",
        "BUILD_REPOSITORY_NAME": "acme/hello",
        "BUILD_REPOSITORY_URI": "https://github.com/acme/hello",
        **step["env"],
    }
    push = {
        **common,
        "BUILD_REASON": "IndividualCI",
        "BUILD_SOURCEBRANCH": "refs/heads/main",
        "BUILD_SOURCEVERSION": BASE,
    }
    pull = {
        **common,
        "BUILD_REASON": "PullRequest",
        "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
        "BUILD_SOURCEVERSION": MERGE,
        "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7",
        "SYSTEM_PULLREQUEST_SOURCECOMMITID": HEAD,
        "SYSTEM_PULLREQUEST_TARGETBRANCH": "main",
        "SYSTEM_PULLREQUEST_ISFORK": "False",
    }
    return DocumentedJob("Azure Pipelines", step["script"], ("bash", "--noprofile", "--norc"), push, pull)


def _bitbucket() -> DocumentedJob:
    (pipeline,) = [block for block in _yaml("other-ci-systems.md") if "pipelines" in block]
    (script,) = pipeline["definitions"]["steps"][0]["step"]["script"]
    common = {
        "CI": "true",
        "BITBUCKET_BUILD_NUMBER": "12",
        "BITBUCKET_PIPELINE_UUID": "{5}",
        "BITBUCKET_WORKSPACE": "acme",
        "BITBUCKET_REPO_SLUG": "hello",
    }
    push = {**common, "BITBUCKET_BRANCH": "main", "BITBUCKET_COMMIT": BASE}
    pull = {
        **common,
        "BITBUCKET_BRANCH": "fix/typo",
        "BITBUCKET_COMMIT": HEAD,
        "BITBUCKET_PR_ID": "7",
        "BITBUCKET_PR_DESTINATION_BRANCH": "main",
        "BITBUCKET_PR_DESTINATION_COMMIT": BASE[:12],
    }
    return DocumentedJob("Bitbucket Pipelines", script, ("bash", "-eu"), push, pull)


def _buildkite() -> DocumentedJob:
    (script,) = _blocks("other-ci-systems.md", "bash")
    common = {"CI": "true", "BUILDKITE": "true", "BUILDKITE_BUILD_NUMBER": "12", "BUILDKITE_JOB_ID": "5"}
    push = {
        **common,
        "BUILDKITE_BRANCH": "main",
        "BUILDKITE_COMMIT": BASE,
        "BUILDKITE_PULL_REQUEST": "false",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "",
        "BUILDKITE_PULL_REQUEST_REPO": "",
    }
    pull = {
        **common,
        "BUILDKITE_BRANCH": "fix/typo",
        "BUILDKITE_COMMIT": HEAD,
        "BUILDKITE_PULL_REQUEST": "7",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
    }
    return DocumentedJob("Buildkite", script, ("bash",), push, pull)


def _tekton() -> DocumentedJob:
    (task,) = [block for block in _yaml("other-ci-systems.md") if block.get("kind") == "Task"]
    (step,) = task["spec"]["steps"]
    defaults = {parameter["name"]: parameter.get("default", "") for parameter in task["spec"]["params"]}

    def variables(parameters: Mapping[str, str]) -> dict[str, str]:
        values = defaults | dict(parameters)
        return {
            entry["name"]: re.sub(r"\$\(params\.([\w-]+)\)", lambda found: values[found[1]], entry["value"])
            for entry in step["env"]
        }

    return DocumentedJob("Tekton", step["script"], ("bash",), variables(_PARAMETERS), variables(_PULL_PARAMETERS))


def _woodpecker() -> DocumentedJob:
    (script,) = _blocks("other-ci-systems.md", "sh")
    common = {"CI": "woodpecker", "CI_SYSTEM_NAME": "woodpecker", "CI_REPO_OWNER": "acme", "CI_REPO_NAME": "hello"}
    push = {**common, "CI_PIPELINE_EVENT": "push", "CI_COMMIT_REF": "refs/heads/main", "CI_COMMIT_SHA": BASE}
    pull = {
        **common,
        "CI_PIPELINE_EVENT": "pull_request",
        "CI_COMMIT_PULL_REQUEST": "7",
        "CI_COMMIT_SHA": HEAD,
        "CI_COMMIT_TARGET_BRANCH": "main",
        "CI_COMMIT_REF": "refs/pull/7/head",
    }
    return DocumentedJob("Woodpecker", script, ("bash", "-eu"), push, pull)


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (_DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def _yaml(page: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in _blocks(page, "yaml")]


def configuration_file() -> dict[str, Any]:
    """The configuration file that the jobs use."""
    (found,) = [block for block in _yaml("ci-systems.md") if "production-refs" in block]
    return found
