"""What an example may say is given, before its commands run."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.fault import Answer

from tests.e2e.mode_world import ModeWorld
from tests.e2e.remote_world import REPORT, succeeds, write_report
from tests.e2e.settings import ado_config
from tests.programs import require, require_buildkit, require_root


def give(world: ModeWorld, given: Mapping[str, Any]) -> None:
    """Make the world what the heading of an example says.

    ``about`` is for readers. The others: ``job`` (a name of ``mode_world``), ``configuration`` (keys that are replaced,
    null: left out), ``environment``, ``files`` (by path below the folder), ``images`` (``repository:tag``, which the
    registry holds), ``service`` (a name of ``_SERVICES``), ``programs`` (``all``: every one of the tools; else there is
    only git), ``machine`` (``root``: what an ordinary user sees differs), ``lenses`` (show what
    only Prow's lenses read), ``unread`` (files whose content differs in
    every run).
    """
    for key, value in given.items():
        _GIVEN[key](world, value)


def _configuration(world: ModeWorld, keys: Mapping[str, Any]) -> None:
    merged = {**world.config, **_filled(world, keys)}
    world.config = {key: value for key, value in merged.items() if value is not None}


def _filled(world: ModeWorld, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(world, below) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(world, below) for below in value]
    return world.fill(value) if isinstance(value, str) else value


def _environment(world: ModeWorld, variables: Mapping[str, str | None]) -> None:
    merged = {**world.environment, **_filled(world, variables)}
    world.environment = {name: value for name, value in merged.items() if value is not None}


def _files(world: ModeWorld, files: Mapping[str, str]) -> None:
    for path, content in files.items():
        world.write(path, content)


def _images(world: ModeWorld, images: list[str]) -> None:
    for image in images:
        repository, _, tag = image.partition(":")
        world.push(repository, tag)


def _refuses_to_sign(world: ModeWorld) -> None:
    world.signing.fail_next(Answer(403, "not you"))


def _keeps_tags(world: ModeWorld) -> None:
    world.registry.rules = replace(world.registry.rules, immutable_tags=True)


def add_pipeline(world: ModeWorld, work: Callable[[Run], str]) -> None:
    """Configure a pipeline in the stand-in Azure DevOps; ``work`` is what a run of it does."""
    pipeline = world.service.add_pipeline("driven", world.pipeline_definition, work=work)
    world.environment["ADO_PAT"] = world.service.pat
    world.config["ado-config"] = ado_config(world.service, pipeline)


def _fails(run: Run) -> str:
    with run.job("Build") as job, job.task("compile") as task:
        task.fail("no space left")
    return "failed"


def _leaves_unsigned(run: Run) -> str:
    with run.job("Build") as job, job.task("print_image_build_report") as task:
        write_report(task, {**REPORT, "signed": False})
    return "failed"


def _unreachable(world: ModeWorld) -> None:
    add_pipeline(world, succeeds)
    once = {"attempts": 1, "delay": "0s"}
    world.config["ado-config"] |= {"ado-organization-url": "http://127.0.0.1:1/org", "ado-retry-strategy": once}


_SERVICES: Mapping[str, Callable[[ModeWorld], None]] = {
    "the signing service refuses": _refuses_to_sign,
    "the registry replaces no tag": _keeps_tags,
    "a pipeline that succeeds": lambda world: add_pipeline(world, succeeds),
    "a pipeline that does not sign": lambda world: add_pipeline(world, _leaves_unsigned),
    "Azure DevOps cannot be reached": _unreachable,
    "a pipeline that fails": lambda world: add_pipeline(world, _fails),
}


def _all_programs(world: ModeWorld, _: str) -> None:
    require_buildkit()
    world.programs = os.environ["PATH"]
    shutil.copy(require("busybox"), world.folder / "context" / "busybox")


_GIVEN: Mapping[str, Callable[[ModeWorld, Any], None]] = {
    "about": lambda _, __: None,
    "unread": lambda _, __: None,
    "lenses": lambda _, __: None,
    "job": lambda world, name: world.become(name),
    "configuration": _configuration,
    "environment": _environment,
    "files": _files,
    "images": _images,
    "programs": _all_programs,
    "machine": lambda _, __: require_root("the example is what root sees"),
    "service": lambda world, name: _SERVICES[name](world),
}
