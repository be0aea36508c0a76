"""The demo's second act: the same image, built by an Azure DevOps pipeline that a job elsewhere starts.

The pipeline is the repository's own, the service a stand-in on loopback whose agent really runs its steps: it verifies
the identity token of the job, fetches its commit from a git repository, builds with the same engine, pushes and signs.
A pull request takes the same way, and is not signed.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SERVICE, ISSUER = "image_builder_stand_ins.azure_devops", "image_builder_stand_ins.identity_issuer"
WHO = {"GIT_AUTHOR_NAME": "demo", "GIT_AUTHOR_EMAIL": "d@e", "GIT_COMMITTER_NAME": "demo", "GIT_COMMITTER_EMAIL": "d@e"}

Serving = Callable[..., AbstractContextManager[dict[str, Any]]]
Running = Callable[[list[str], Mapping[str, str]], None]
Job = tuple[dict[str, str], dict[str, Any]]
"""The claims of its token, and the payload of its event."""


@dataclass(frozen=True)
class Act:
    """What the first act leaves: its configuration's text, what its jobs are made of, and how commands are run."""

    folder: Path
    repository: Path
    config: str
    ca: str
    build_arguments: Mapping[str, str]
    serve: Serving
    run: Running


def play(act: Act) -> dict[str, dict[str, Any]]:
    """Build a push and a pull request; gives their reports by job type."""
    jobs = _jobs(*_sources(act))
    file = act.folder / "jobs.json"
    file.write_text(json.dumps({name: claims for name, (claims, _) in jobs.items()}))
    pipeline = act.repository / "pipelines" / "oci-image-builder.yaml"
    with act.serve(ISSUER, ["--jobs", str(file)], act.folder / "issuer", {}) as issuer:
        trusted = act.folder / "authorities.pem"
        trusted.write_text(Path(act.ca).read_text() + Path(issuer["ca"]).read_text())
        arguments = ["--pipeline", str(pipeline), "--groups", str(_groups(act, issuer["issuer"]))]
        with act.serve(SERVICE, arguments, act.folder / "azure", {"SSL_CERT_FILE": str(trusted)}) as service:
            return {
                name: _build(
                    act, service, name, (claims, event), {**issuer["jobs"][name], "SSL_CERT_FILE": str(trusted)}
                )
                for name, (claims, event) in jobs.items()
            }


def _jobs(merged: str, proposed: str) -> dict[str, Job]:
    """What GitHub's token and event say of each job, by the class that the tool gives it."""
    owner = {"login": "acme", "name": "acme"}
    repository = {"name": "hello", "full_name": "acme/hello", "owner": owner, "default_branch": "main", "fork": False}
    push = {"ref": "refs/heads/main", "after": merged, "head_commit": {"id": merged}}
    head, base = {"ref": "fix", "sha": proposed}, {"ref": "main", "sha": merged}
    sides = {side: {**of, "repo": repository} for side, of in (("head", head), ("base", base))}
    pull = {"action": "opened", "number": 7, "pull_request": {"number": 7, **sides}}
    common = {"repository": "acme/hello"}
    return {
        "postsubmit": (
            {**common, "event_name": "push", "ref": "refs/heads/main", "sha": merged},
            {**push, "repository": repository},
        ),
        "presubmit": (
            {**common, "event_name": "pull_request", "ref": "refs/pull/7/merge", "sha": "3" * 40, "base_ref": "main"},
            {**pull, "repository": repository},
        ),
    }


def _sources(act: Act) -> tuple[str, str]:
    """A repository ``acme/hello``: the commit of main, and one that a pull request proposes."""
    place = act.folder / "git" / "acme" / "hello"
    place.mkdir(parents=True)
    for file in sorted((act.repository / "examples" / "hello").iterdir()):
        (place / file.name).write_bytes(file.read_bytes())
    _git(place, "init", "--quiet", "--initial-branch=main")
    commits = []
    for message in ("merged", "proposed"):
        _git(place, "add", ".")
        _git(place, "commit", "--quiet", "--allow-empty", f"--message={message}")
        commits.append(_git(place, "rev-parse", "HEAD"))
    _git(place, "update-ref", "refs/pull/7/head", commits[1])
    _git(place, "reset", "--quiet", "--hard", commits[0])
    return commits[0], commits[1]


def _git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **WHO}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _groups(act: Act, issuer: str) -> Path:
    """The variable groups: only production's has a configuration that signs."""
    content = {**yaml.safe_load(act.config), "production-refs": {"acme/hello": ["main"]}}
    signing, building = act.folder / "sign.yaml", act.folder / "build.yaml"
    signing.write_text(yaml.safe_dump(content))
    building.write_text(yaml.safe_dump({key: value for key, value in content.items() if key != "sign-config"}))
    # Images name the repository that they are made of, and a folder is none: git fetches from the folder all the same.
    git = act.folder / "gitconfig"
    git.write_text(f'[url "file://{act.folder}/git"]\n\tinsteadOf = https://github.com\n')
    common = {
        "SOURCE_URL": "https://github.com",
        "GIT_CONFIG_SYSTEM": str(git),
        "CONFIG_FILE": str(building),
        "PRODUCTION_REFS": "{acme/hello: [main]}",
        "OIDC_ISSUER": issuer,
    }
    groups = {
        "oci-image-builder-development": common,
        "oci-image-builder-production": {**common, "SIGN_CONFIG_FILE": str(signing)},
    }
    file = act.folder / "groups.json"
    file.write_text(json.dumps(groups))
    return file


def _build(act: Act, service: Mapping[str, Any], job_type: str, job: Job, identity: dict[str, str]) -> dict[str, Any]:
    """Run the client; its configuration says where the pipeline is, and nothing of registries or signers."""
    place = {
        "ado-organization-url": service["organization_url"],
        "ado-project-name": service["project"],
        "ado-pipeline-id": service["pipeline_id"],
        "ado-refresh-interval": "200ms",
        "parameters": "v2",
    }
    config = act.folder / "client.yaml"
    config.write_text(yaml.safe_dump({"ado-config": place}))
    report = act.folder / f"azure-{job_type}.json"
    given = [part for name, value in act.build_arguments.items() for part in ("--build-arg", f"{name}={value}")]
    claims, event = job
    payload = act.folder / f"event-{job_type}.json"
    payload.write_text(json.dumps(event))
    environment = {
        "CI": "true",
        "ARTIFACTS": str(act.folder),
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": claims["event_name"],
        "GITHUB_EVENT_PATH": str(payload),
        "GITHUB_REPOSITORY": claims["repository"],
        "GITHUB_REF": claims["ref"],
        "GITHUB_SHA": claims["sha"],
        "ADO_PAT": Path(service["pat"]).read_text(),
        **identity,
    }
    arguments = ["--build-in-ado", "--config", str(config), "--name", "examples/azure-hello", "--tag", "azure", *given]
    act.run([*arguments, "--build-report-path", str(report)], environment)
    found: dict[str, Any] = json.loads(report.read_text())
    return found
