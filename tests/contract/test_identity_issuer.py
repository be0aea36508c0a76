"""The issuer as a command, asked for a token as a GitHub job asks; and the command that judges it."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.azure_devops.identity_token import identity_token
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.http.client import HttpClient
from image_builder_adapters.http.retry import RetryPolicy

COMMIT = "1" * 40
JOBS = {"push": {"repository": "acme/demo", "ref": "refs/heads/main", "sha": COMMIT}}
RUN = {
    "REPO_OWNER": "acme",
    "REPO_NAME": "demo",
    "JOB_TYPE": "postsubmit",
    "PULL_BASE_REF": "main",
    "PULL_BASE_SHA": COMMIT,
    "PRODUCTION_REFS": "{acme/demo: [main]}",
}
MODULE = "image_builder_stand_ins.identity_issuer"


@contextmanager
def issuer(folder: Path, jobs: object = JOBS) -> Iterator[dict[str, Any]]:
    file = folder / "jobs.json"
    file.write_text(json.dumps(jobs))
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, "--jobs", str(file), "--folder", str(folder / "issuer")],
        stdout=subprocess.DEVNULL,
    )
    try:
        ready, end = folder / "issuer" / "ready.json", time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        yield json.loads(ready.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def token(ready: dict[str, Any], job: str = "push") -> str:
    client = HttpClient(ssl.create_default_context(cafile=ready["ca"]))
    found = identity_token(ready["jobs"][job], client, RetryPolicy(1), ScopedCancellation(seconds=10))
    client.close()
    return found.unwrap()


def admission(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    own = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = [sys.executable, "-m", "image_builder.pipeline_admission", *arguments]
    return subprocess.run(command, env=own | environment, capture_output=True, text=True, check=False, cwd=folder)


def test_a_job_with_a_token_is_admitted(tmp_path: Path) -> None:
    with issuer(tmp_path) as ready:
        secret = token(ready)
        environment = RUN | {"OIDC_ISSUER": ready["issuer"], "SSL_CERT_FILE": ready["ca"], "AUTHORIZATION": secret}
        done = admission(tmp_path, environment)
        assert done.returncode == 0, done.stderr
        assert f"COMMIT={COMMIT}" in done.stdout.splitlines()
        assert "PULL_BASE_REF=refs/heads/main" in done.stdout.splitlines()
        assert f"admitted postsubmit of acme/demo: a token of {ready['issuer']} for push proves it" in done.stderr
        assert secret not in done.stdout + done.stderr
    kept = tmp_path / ".local" / "state" / "image-builder" / "issuer-keys"
    assert len(list(kept.iterdir())) == 1


def test_a_refusal_is_an_error_and_on_an_agent_an_issue_of_the_run(tmp_path: Path) -> None:
    changed = RUN | {"REPO_OWNER": "x\n##vso[task.complete result=Succeeded]100%"}
    done = admission(tmp_path, changed)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: RepoOwner, RepoName: ")
    on_agent = admission(tmp_path, changed | {"TF_BUILD": "True"})
    assert (on_agent.returncode, on_agent.stdout) == (2, "")
    (line,) = on_agent.stderr.splitlines()
    assert line.startswith("##vso[task.logissue type=error]RepoOwner, RepoName: ")
    assert line.count("##vso[") == 1
    assert "100%AZP25" in line


def test_a_token_never_shows_in_a_refusal(tmp_path: Path) -> None:
    secret = "eyJhbGciOiJSUzI1NiJ9.eyJzZWNyZXQiOiJ4In0.c2lnbmF0dXJl"
    done = admission(tmp_path, RUN | {"AUTHORIZATION": secret, "PULL_BASE_REF": f"a {secret}"})
    assert done.returncode == 2
    assert not any(part in done.stdout + done.stderr for part in secret.split(".")[1:])


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["-h"], 0), (["push"], 2)])
def test_it_takes_no_arguments(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = admission(tmp_path, {}, *arguments)
    assert done.returncode == code
    assert "docs/azure-devops-pipeline.md" in done.stdout + done.stderr


def test_pyjwt_is_named_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "jwt.py").write_text("raise ImportError('gone')\n")
    done = admission(tmp_path, RUN | {"AUTHORIZATION": "a.b.c", "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "pip install 'oci-image-builder[pipeline]'" in done.stderr


@pytest.mark.parametrize("jobs", [[], {"push": 1}])
def test_jobs_that_are_none_are_refused(tmp_path: Path, jobs: object) -> None:
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "--jobs", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "expected an object of jobs" in done.stderr
