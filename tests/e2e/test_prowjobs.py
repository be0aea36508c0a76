"""The example jobs: what Prow and Kubernetes say of them, and two of them run under Prow's own entry point."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from image_builder_contracts.image_engine import processes, wait_until
from image_builder_stand_ins.fixtures import SecuredService

from tests.e2e.image_world import REPOSITORY, Images, Job, prepare_job
from tests.programs import require
from tests.small_debian import Container

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

EXAMPLES = REPOSITORY / "examples" / "prowjobs"
# What an administrator of Prow sets once for all jobs.
PROW = """
plank:
  default_decoration_config_entries:
    - config:
        gcs_configuration: {bucket: logs, path_strategy: explicit}
        gcs_credentials_secret: gcs
        utility_images: {clonerefs: x/clonerefs, initupload: x/initupload, entrypoint: x/entrypoint, sidecar: x/sidecar}
"""
CODE = "/home/prow/go/src/github.com/acme/hello"


def jobs() -> list[Any]:
    """Each job with the kind of event that starts it."""
    found = []
    for file in sorted(EXAMPLES.glob("*.yaml")):
        for kind, repositories in yaml.safe_load(file.read_text()).items():
            for job in repositories["acme/hello"]:
                found.append(pytest.param(kind.removesuffix("s"), job, id=job["name"]))
    return found


def test_there_is_a_job_of_each_kind_for_each_engine() -> None:
    kinds = [parameters.values[0] for parameters in jobs()]
    assert sorted(kinds) == ["postsubmit", "postsubmit", "presubmit", "presubmit"]


@pytest.mark.parametrize(("kind", "job"), jobs())
def test_job_is_what_the_definition_of_prow_jobs_allows(kind: str, job: dict[str, Any]) -> None:
    recordings = os.environ.get("IMAGE_BUILDER_RECORDINGS")
    if recordings is None:
        pytest.skip("IMAGE_BUILDER_RECORDINGS does not say where Prow's definition is")
    definition = yaml.safe_load(Path(recordings, "prow", "prowjob_customresourcedefinition.yaml").read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec = {"type": kind, "job": job["name"], "pod_spec": job["spec"], "decoration_config": job["decoration_config"]}
    assert list(violations(spec, schema, "spec")) == []


def test_checker_of_definitions_sees_what_is_wrong() -> None:
    properties = {"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "string"}}}
    schema = {"type": "object", "required": ["a"], "properties": properties}
    expected = ["x.a is missing", "x.b[0] is not of type string", "x.c is unknown"]
    assert list(violations({"b": [1], "c": 1}, schema, "x")) == expected


def test_prow_itself_accepts_the_jobs(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(PROW)
    flags = ["--strict", "--warnings=unknown-fields-all", "--warnings=mismatched-tide", "--warnings=validate-urls"]
    command = [require("checkconfig"), "--config-path", str(config), "--job-config-path", str(EXAMPLES), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("engine", ["kaniko", "buildkit"])
def test_job_ends_well_under_prow(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path, engine: str
) -> None:
    """kaniko's postsubmit publishes and signs; BuildKit's presubmit publishes for development and signs nothing."""
    merged = engine == "kaniko"
    container, job = pod(images, mtls_signing_service, container_folder, engine, merged=merged)
    code, out = container.run()
    assert code == 0, out[-4000:]
    assert (job.logs / "marker-file.txt").read_text() == "0"
    assert "hello: built in" in (job.logs / "process-log.txt").read_text()
    report = json.loads((job.artifacts / "report.json").read_text())
    assert (report["pushed"], report["signed"]) == (True, merged)
    assert all(f"/{'prod' if merged else 'dev'}/hello:" in reference for reference in report["images_list"])
    assert json.loads((job.artifacts / "metadata.json").read_text())["image-digest"] == report["digest"]
    suite = ElementTree.parse(job.artifacts / "junit_image-builder.xml").getroot()[0]
    assert {case.get("classname") for case in suite} == {"build", "push", "tag", *(["sign"] if merged else [])}
    assert [case.get("name") for case in suite if len(case)] == []
    assert report["digest"] in (job.artifacts / "image-builder.html").read_text()
    assert (job.artifacts / "image-builder-image.link.txt").read_text() == f"{report['images'][0]['reference']}\n"


@pytest.mark.parametrize(
    ("engine", "ending", "code"),
    [
        pytest.param("kaniko", "timeout", 127, id="kaniko-timeout"),
        pytest.param("buildkit", "abort", 130, id="buildkit-abort"),
    ],
)
def test_job_that_prow_stops_leaves_its_evidence_within_the_grace_period(
    images: Images, mtls_signing_service: SecuredService, container_folder: Path, engine: str, ending: str, code: int
) -> None:
    container, job = pod(
        images, mtls_signing_service, container_folder, engine, merged=True, timeout=5 if ending == "timeout" else 600
    )
    asleep = f"sleep 7654.{time.monotonic_ns() % 1_000_000}"
    (job.context / "Dockerfile").write_text(f"FROM {images.base}\nRUN trap '' INT TERM; exec {asleep}\n")
    process = container.start()
    if ending == "abort":
        wait_until(lambda: processes(asleep) != [] or process.poll() is not None)
        process.send_signal(signal.SIGTERM)  # runc hands it on to the first process, as the kubelet does
    out, _ = process.communicate(timeout=120)
    assert (job.logs / "marker-file.txt").read_text() == str(code), out[-4000:]
    report = json.loads((job.artifacts / "report.json").read_text())
    assert (report["outcome"], report["interrupted"]) == ("failure", "SIGINT"), report
    assert processes(asleep) == []


def pod(
    images: Images, signing: SecuredService, folder: Path, engine: str, *, merged: bool, timeout: int = 600
) -> tuple[Container, Job]:
    """The example job as Prow would start it: decorated, its volumes mounted, in the cloned repository."""
    entrypoint = Path(require("entrypoint"))
    container = (images.kaniko if engine == "kaniko" else images.buildkit)(folder / "container")
    job = prepare_job(images, signing, folder, container.user, merged=merged)
    example = yaml.safe_load((EXAMPLES / f"{engine}.yaml").read_text())
    [spec] = example["postsubmits" if merged else "presubmits"]["acme/hello"]
    [ours] = spec["spec"]["containers"]
    tools, credentials, layers = (folder / name for name in ("tools", "registry", "layers"))
    for made in (tools, credentials, layers):
        made.mkdir()
        os.chown(made, *container.user)
    shutil.copy(entrypoint, tools / "entrypoint")
    (credentials / "config.json").write_text('{"auths": {}}')
    volumes = {"config": job.config, "signer": job.secret, "registry": credentials, "layers": layers}
    container.mounts = {
        mount["mountPath"]: (volumes[mount["name"]], not mount.get("readOnly")) for mount in ours["volumeMounts"]
    }
    container.mounts |= {"/logs": (job.logs, True), "/tools": (tools, False), CODE: (job.context, True)}
    if not merged:
        container.mounts["/secret"] = (job.secret, False)  # of it only the certificate authority is used here
    container.working_directory = CODE
    if "securityContext" in ours:
        container.capabilities = tuple(f"CAP_{name}" for name in ours["securityContext"]["capabilities"]["add"])
    given = {variable["name"]: variable["value"] for variable in ours.get("env", ())}
    options = {
        "timeout": timeout * 10**9,
        "grace_period": 15 * 10**9,
        "artifact_dir": "/logs/artifacts",
        "args": [*ours["command"], *ours["args"]],
        "process_log": "/logs/process-log.txt",
        "marker_file": "/logs/marker-file.txt",
        "metadata_file": "/logs/artifacts/metadata.json",
    }
    container.environment = {
        **container.environment,
        **given,
        **job.environment,
        "ENTRYPOINT_OPTIONS": json.dumps(options),
    }
    container.entrypoint = ("/tools/entrypoint",)
    return container, job


def violations(value: object, schema: dict[str, Any], where: str) -> Any:
    """What of ``value`` a structural schema of Kubernetes does not allow."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str):
            yield f"{where} is neither number nor text"
        return
    kind = schema.get("type")
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if kind in types and (not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where} is not of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from (f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if isinstance(known, dict):
                yield from violations(inner, known, f"{where}.{name}")
            elif not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{where}.{name} is unknown"
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from violations(inner, schema["items"], f"{where}[{number}]")
