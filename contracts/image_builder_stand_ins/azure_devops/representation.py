"""Pipelines and runs as JSON, with the keys that the recorded answers have, in their order."""

import uuid
from dataclasses import dataclass
from typing import Any, final

from image_builder_stand_ins.azure_devops import clock
from image_builder_stand_ins.azure_devops.run import Run

_RUN_STATES = {"notStarted": "inProgress", "cancelling": "canceling"}
_RUN_RESULTS = {"partiallySucceeded": "succeeded"}


@final
@dataclass(frozen=True, slots=True)
class Source:
    """The repository that a pipeline's definition comes from."""

    name: str = "oci-image-builder"
    ref: str = "refs/heads/main"
    version: str = "4a5f3c1b2d7e8f90a1b2c3d4e5f60718293a4b5c"
    yaml_file: str = "oci-image-builder.yaml"


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where the service says that it lives; ``root`` has no slash at its end."""

    root: str
    organization: str
    project: str

    @property
    def project_id(self) -> str:
        """The project's GUID, always the same for the same name."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.organization}/{self.project}"))

    @property
    def base(self) -> str:
        """What the addresses in answers start with: they carry the GUID, not the name."""
        return f"{self.root}/{self.organization}/{self.project_id}"


@final
@dataclass(frozen=True, slots=True)
class PipelineCard:
    """What answers say of a pipeline."""

    id: int
    name: str
    revision: int
    folder: str
    source: Source


def _pipeline_reference(place: Place, card: PipelineCard) -> dict[str, Any]:
    url = f"{place.base}/_apis/pipelines/{card.id}?revision={card.revision}"
    return {"url": url, "id": card.id, "revision": card.revision, "name": card.name, "folder": card.folder}


def pipeline_json(place: Place, card: PipelineCard) -> dict[str, Any]:
    """``GET pipelines/{id}``."""
    repository = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, card.source.name)), "type": "azureReposGit"}
    reference = _pipeline_reference(place, card)
    links = {"self": {"href": reference["url"]}, "web": {"href": _definition_page(place, card)}}
    configuration = {"path": card.source.yaml_file, "repository": repository, "type": "yaml"}
    return {"_links": links, "configuration": configuration, **reference}


def _definition_page(place: Place, card: PipelineCard) -> str:
    return f"{place.base}/_build/definition?definitionId={card.id}"


def _run_links(place: Place, card: PipelineCard, number: int) -> dict[str, Any]:
    return {
        "self": {"href": f"{place.base}/_apis/pipelines/{card.id}/runs/{number}"},
        "web": {"href": f"{place.base}/_build/results?buildId={number}"},
        "pipeline.web": {"href": _definition_page(place, card)},
        "pipeline": {"href": f"{place.base}/_apis/pipelines/{card.id}?revision={card.revision}"},
    }


def run_json(place: Place, card: PipelineCard, run: Run, *, whole: bool) -> dict[str, Any]:
    """A Run; ``whole`` adds what only ``GET run`` has."""
    url = f"{place.base}/_apis/pipelines/{card.id}/runs/{run.id}"
    source = card.source
    root = {"ref": source.ref, "yamlFile": source.yaml_file, "repoAlias": "self"}
    details = {"rootYamlFile": root, "expandedYamlUrl": f"{place.base}/_apis/build/builds/{run.id}/logs/1"}
    repository = {"repository": {"type": "azureReposGit"}, "refName": source.ref, "version": source.version}
    return {
        **({"yamlDetails": details} if whole else {}),
        "_links": _run_links(place, card, run.id),
        "templateParameters": run.parameters,
        "pipeline": _pipeline_reference(place, card),
        **_run_state(run),
        "url": url,
        **({"resources": {"repositories": {"self": repository}}} if whole else {}),
        "id": run.id,
        "name": run.name,
    }


def _run_state(run: Run) -> dict[str, Any]:
    status = run.status
    found: dict[str, Any] = {"state": _RUN_STATES.get(status, status)}
    if status == "completed":
        found["result"] = _RUN_RESULTS.get(run.result or "", run.result)
    found["createdDate"] = clock.full(run.queued)
    if status == "completed":
        found["finishedDate"] = clock.full(run.finished or 0)
    return found


def preview_json(place: Place, card: PipelineCard, final_yaml: str) -> dict[str, Any]:
    """What the runs route answers to ``previewRun``: a Run that is none."""
    return {
        "_links": _run_links(place, card, -1),
        "pipeline": _pipeline_reference(place, card),
        "state": "unknown",
        "url": f"{place.base}/_apis/pipelines/{card.id}/runs/-1",
        "finalYaml": final_yaml,
        "id": -1,
        "name": None,
    }
