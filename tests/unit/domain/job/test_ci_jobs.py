"""The command in a job of each CI system: it reads its own event, and only what it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.git_repository import GitRepository
from tests.jobs import BASE, EVENTS, HEAD, LISTED, MERGE, MERGED, OTHER, PULL_REQUEST, PUSH, UNMERGED

RUN = "import sys; from image_builder.__main__ import main; code = main(); sys.stdout.flush(); "
RUN += "print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
FACTS = "image_builder_domain.job."
OWN = {"prow": "prow", "github": "github", "azure": "azure_pipelines", "jenkins": "jenkins", "gitlab": "gitlab"}


def tags(folder: Path, job: dict[str, str], file: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``--parse-tags-only`` in a job; nothing of the tests' own environment is passed on."""
    config, event, work = folder / "config.yaml", folder / "event.json", folder / "work"
    work.mkdir(exist_ok=True)
    said = {"default-commit-tag": "commit-{{ .ShortSHA }}", "default-merge-group-tag": "group-{{ .ShortSHA }}"}
    config.write_text(json.dumps(said | LISTED))
    event.write_text(json.dumps(EVENTS.get(job.get("GITHUB_EVENT_NAME", ""), {})))
    payload = {"GITHUB_EVENT_PATH": str(event)} if job.get("GITHUB_EVENT_PATH", "").startswith("/github/") else {}
    return subprocess.run(
        [sys.executable, "-I", "-c", RUN, "--parse-tags-only", "--config", file or str(config)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)} | job | payload,
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", [*UNMERGED, *(f"merged {name}" for name in MERGED)])
def test_the_tags_of_each_job_follow_from_its_class_and_only_its_own_system_is_loaded(
    name: str, tmp_path: Path
) -> None:
    is_merged = name.startswith("merged ")
    done = tags(tmp_path, MERGED[name.removeprefix("merged ")] if is_merged else UNMERGED[name])
    assert done.returncode == 0, done.stderr
    (tag,) = json.loads(done.stdout)
    if is_merged:
        assert tag["value"] == f"commit-{BASE[:8]}"
    else:
        group = f"group-{HEAD[:8]}"
        assert tag["value"] in ("PR-7", group) or tag["value"].startswith("batch-")
        assert (tag["value"] == group) == ("group" in name or "train" in name)
    loaded = {module.removeprefix(FACTS) for module in done.stderr.split() if module.startswith(FACTS)}
    assert loaded & set(OWN.values()) == {OWN[name.removeprefix("merged ").split()[0]]}


def test_outside_ci_no_ci_system_is_loaded(tmp_path: Path) -> None:
    done = tags(tmp_path, {"CI": "false", "PULL_BASE_SHA": BASE})
    assert done.returncode == 0, done.stderr
    assert not any(f"{FACTS}{module}" in done.stderr.split() for module in OWN.values())


def test_a_pod_without_a_terminal_is_not_a_persons_machine_unless_ci_is_false(tmp_path: Path) -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PULL_BASE_SHA": BASE}
    done = tags(tmp_path, pod)
    assert (done.returncode, done.stdout) == (2, "")
    assert "this is a container or pod without a terminal" in done.stderr
    assert tags(tmp_path, pod | {"CI": "false"}).returncode == 0


def test_a_pull_request_in_prow_chooses_its_tags_with_no_configuration_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "own.yaml").write_text("default-pr-tag: latest\n")
    done = tags(tmp_path, UNMERGED["prow presubmit"], "own.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--config: 'own.yaml' lies in the checkout" in done.stderr
    assert tags(tmp_path, MERGED["prow postsubmit"], "own.yaml").returncode == 0


def test_a_payload_that_cannot_be_read_is_refused_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "broken").write_text("{")
    for path, words in {"": "is not set", "none": "the file does not exist", "broken": "this is not JSON"}.items():
        done = tags(tmp_path, PUSH | {"GITHUB_EVENT_PATH": path})
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        assert words in done.stderr


def test_a_closed_pull_request_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EVENTS, "pull_request", EVENTS["pull_request"] | {"action": "closed"})
    done = tags(tmp_path, PULL_REQUEST)
    assert (done.returncode, done.stdout) == (2, "")
    assert "this pull request was closed: there is nothing to build; leave closed out" in done.stderr


def repository(folder: Path) -> GitRepository:
    """A checkout with a Dockerfile on main, at a time that is known."""
    made = GitRepository.make(folder / "source")
    made.commit(Dockerfile="FROM scratch\n")
    return made


def test_the_base_of_a_pull_request_in_azure_pipelines_is_asked_of_git(tmp_path: Path) -> None:
    source = repository(tmp_path)
    base, head = source.head, source.proposal("fix", fix="1")
    merge = source.merge(head)
    job = {name: value.replace(HEAD, head) for name, value in UNMERGED["azure pull request"].items()}
    found = plan(source, job | {"BUILD_SOURCEVERSION": merge})
    assert found["git_state"]["base_sha"] == base
    assert found["checkout"] == {
        "compared": True,
        "proof": f"HEAD of {str(source.folder)!r} merges the claimed head {head}",
    }
    assert plan(source, job | {"BUILD_SOURCEVERSION": MERGE})["git_state"]["base_sha"] is None


def test_a_reproducible_batch_has_the_time_of_what_it_goes_on_top_of(tmp_path: Path) -> None:
    source = repository(tmp_path)
    base, heads = source.head, {HEAD: source.proposal("a", a="1"), OTHER: source.proposal("b", b="1")}
    source.merge(*heads.values())
    batch = UNMERGED["prow batch"]
    for old, new in {BASE: base, **heads}.items():
        batch = {name: value.replace(old, new) for name, value in batch.items()}
    found: Any = plan(source, batch, "reproducible: true\n")
    assert found["builds"][0]["source_date_epoch"] == int(source.git("show", "-s", "--format=%ct", base))


def plan(source: GitRepository, job: dict[str, str], config: str = "") -> dict[str, dict[str, object]]:
    file = source.home / "config.yaml"
    file.write_text(f"dev-registry: reg.example/dev\n{config}")
    words = ("plan", "--output=json", "--backend=buildkit", "--name=app", f"--config={file}")
    done = subprocess.run(
        [sys.executable, "-m", "image_builder", *words],
        env=source.environment | job,
        cwd=source.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found
