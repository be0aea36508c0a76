"""An agent that runs the repository's pipeline with this tool and no engine: nothing is ever built."""

import atexit
import base64
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from image_builder_stand_ins.azure_devops.agent.agent import AgentSettings
from image_builder_stand_ins.azure_devops.agent.variable import Variable
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.yaml_node import load
from image_builder_stand_ins.identity_issuer import IdentityIssuer

from tests.azure_devops import Client
from tests.programs import require

FILE = Path(__file__).parents[2] / "pipelines" / "oci-image-builder.yaml"
TEXT = FILE.read_text()
ROOT = load(TEXT, FILE.name)
COMMIT, HEAD = "1" * 40, "2" * 40
REFS = "{acme/demo: [main, refs/tags/v1]}"
PUSH = {
    "RepoOwner": "acme",
    "RepoName": "demo",
    "JobType": "postsubmit",
    "PullBaseSHA": COMMIT,
    "Name": "app",
    "Context": ".",
    "Dockerfile": "",
}
PULL = {**PUSH, "JobType": "presubmit", "PullNumber": "7", "PullPullSHA": HEAD}


@pytest.fixture(scope="module")
def issuer() -> Iterator[IdentityIssuer]:
    """Whose tokens the agent takes; no test changes it."""
    with IdentityIssuer.start() as found:
        yield found


@pytest.fixture
def group(tmp_path: Path, issuer: IdentityIssuer) -> dict[str, Variable]:
    """The variables of both groups; a test may change them before a run."""
    config = tmp_path / "config.yaml"
    lines = ("registry: localhost:1/prod", "dev-registry: localhost:1/dev", f"production-refs: {REFS}")
    config.write_text("\n".join((*lines, "reproducible: false # ours", "")))
    return {
        "SOURCE_URL": Variable(f"file://{tmp_path}/git"),
        "SOURCE_TOKEN": Variable("t0ken-of-git", secret=True),
        "CONFIG_FILE": Variable(str(config)),
        "PRODUCTION_REFS": Variable(REFS),
        "OIDC_ISSUER": Variable(issuer.url),
        "UNMERGED_WITHOUT_AUTHORIZATION": Variable("true"),
    }


@pytest.fixture
def client(tmp_path: Path, issuer: IdentityIssuer, group: dict[str, Variable]) -> Iterator[Client]:
    """A client of the service whose agent runs the pipeline."""
    (tmp_path / "git" / "acme" / "demo").mkdir(parents=True)
    (tmp_path / "issuer.pem").write_bytes(issuer.authority.certificate)
    groups = {"oci-image-builder-development": group, "oci-image-builder-production": group}
    environment = {
        "PATH": f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",  # a test may bring programs
        "HOME": str(tmp_path),
        "SSL_CERT_FILE": str(tmp_path / "issuer.pem"),
    }
    agent = AgentSettings(groups, environment, keeps_empty=False)  # scripts must bear both
    with AzureDevOps.start() as service:
        service.add_pipeline("oci-image-builder", TEXT, agent=agent)
        yield Client(service)


@pytest.fixture
def commits(client: Client, tmp_path: Path) -> dict[str, str]:
    """A repository with a merged and a later commit on main, one on a tag alone, and a pull request."""
    del client
    made, found = _repository()
    shutil.copytree(made, tmp_path / "git" / "acme" / "demo", dirs_exist_ok=True)
    return dict(found)


@cache
def _repository() -> tuple[Path, dict[str, str]]:
    """Made once; each test gets a copy."""
    place = Path(tempfile.mkdtemp(prefix="pipeline-agent-")) / "demo"
    atexit.register(shutil.rmtree, place.parent, ignore_errors=True)
    place.mkdir()
    git(place, "init", "--quiet", "--initial-branch=main")
    found = {name: commit(place, name) for name in ("merged", "later")}
    for name, ref in (("tagged", "refs/tags/v1"), ("proposed", "refs/pull/7/head")):
        git(place, "checkout", "--quiet", "--detach", found["merged"])
        found[name] = commit(place, name)
        git(place, "update-ref", ref, found[name])
    git(place, "checkout", "--quiet", "main")
    return place, found


def commit(place: Path, name: str) -> str:
    """Commit a tree with one file of this name."""
    git(place, "rm", "--quiet", "-r", "--ignore-unmatch", ".")
    (place / name).write_text("")
    git(place, "add", ".")
    git(place, "commit", "--quiet", f"--message={name}")
    return git(place, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder."""
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    command = [require("git"), "-C", str(folder), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **who}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def proven(issuer: IdentityIssuer, parameters: dict[str, str], ref: str = "refs/heads/main") -> dict[str, str]:
    """The parameters of a push with the token of the job that saw it."""
    token = issuer.token("acme/demo", ref, parameters["PullBaseSHA"], ref_protected="true")
    return {**parameters, "Authorization": token}


def result_of(client: Client, step: str, parameters: dict[str, str]) -> tuple[str, str]:
    """How a step ended, and what it said."""
    number = client.finish(42, parameters)
    record = client.records(number)[step]
    return record["result"], "\n".join(client.log(number, step)) if record["log"] else ""


def encoded(text: str) -> str:
    """Tags as contract v2 sends them."""
    return base64.b64encode(text.encode()).decode()
