"""Pipelines, runs, builds, timelines and lists of logs as JSON: the keys of recorded answers, in their order."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from image_builder_stand_ins.azure_devops.log import NEVER, full_time, short_time
from image_builder_stand_ins.azure_devops.run import Approval, Record, Run

QUEUE, POOL = 18, "Azure Pipelines"
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
    found["createdDate"] = full_time(run.queued)
    if status == "completed":
        found["finishedDate"] = full_time(run.finished or 0)
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


def build_json(place: Place, card: PipelineCard, run: Run) -> dict[str, Any]:
    """A Build: the same run, as the older API tells it."""
    address = f"{place.base}/_apis/build/Builds/{run.id}"
    plan = {"planId": str(uuid.uuid5(uuid.NAMESPACE_URL, address))}
    project = _project(place)
    return {
        "_links": _build_links(place, card, run.id),
        "properties": {},
        "tags": [],
        "validationResults": list(run.validation),
        "plans": [plan],
        "triggerInfo": {},
        "id": run.id,
        "buildNumber": run.name,
        **_build_state(run),
        "url": address,
        "definition": _definition(place, card, project),
        "buildNumberRevision": int(run.name.rpartition(".")[2]),
        "project": project,
        "uri": f"vstfs:///Build/Build/{run.id}",
        "sourceBranch": card.source.ref,
        "sourceVersion": card.source.version,
        "queue": {"id": QUEUE, "name": POOL, "pool": {"id": 9, "name": POOL, "isHosted": True}},
        "priority": "normal",
        "reason": "manual",
        "requestedFor": _person(place),
        "requestedBy": _person(place),
        "lastChangedDate": short_time(run.changed),
        "lastChangedBy": _person(place),
        "orchestrationPlan": plan,
        "logs": {"id": 0, "type": "Container", "url": f"{place.base}/_apis/build/builds/{run.id}/logs"},
        "repository": _repository(place, card.source),
        "retainedByRelease": False,
        "triggeredByBuild": None,
        "appendCommitMessageToRunName": True,
    }


def _build_links(place: Place, card: PipelineCard, number: int) -> dict[str, Any]:
    builds = f"{place.base}/_apis/build/builds"
    return {
        "self": {"href": f"{place.base}/_apis/build/Builds/{number}"},
        "web": {"href": f"{place.base}/_build/results?buildId={number}"},
        "sourceVersionDisplayUri": {"href": f"{builds}/{number}/sources"},
        "timeline": {"href": f"{builds}/{number}/Timeline"},
        "badge": {"href": f"{place.base}/_apis/build/status/{card.id}"},
    }


def _build_state(run: Run) -> dict[str, Any]:
    status = run.status
    found: dict[str, Any] = {"status": status}
    if status == "completed":
        found["result"] = run.result
    found["queueTime"] = short_time(run.queued)
    if run.started is not None:
        found["startTime"] = short_time(run.started)
    if status == "completed":
        found["finishTime"] = short_time(run.finished or 0)
    return found


def _definition(place: Place, card: PipelineCard, project: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "drafts": [],
        "id": card.id,
        "name": card.name,
        "url": f"{place.base}/_apis/build/Definitions/{card.id}?revision={card.revision}",
        "uri": f"vstfs:///Build/Definition/{card.id}",
        "path": card.folder,
        "type": "build",
        "queueStatus": "enabled",
        "revision": card.revision,
        "project": project,
    }


def _project(place: Place) -> dict[str, Any]:
    return {
        "id": place.project_id,
        "name": place.project,
        "url": f"{place.root}/{place.organization}/_apis/projects/{place.project_id}",
        "state": "wellFormed",
        "revision": 20,
        "visibility": "private",
        "lastUpdateTime": "2023-01-18T16:17:39.97Z",
    }


def _person(place: Place) -> dict[str, Any]:
    number = "00000000-0000-0000-0000-0000000000aa"
    avatar = f"{place.root}/{place.organization}/_apis/GraphProfile/MemberAvatars/aad.someone"
    return {
        "displayName": "Example User",
        "url": f"{place.root}/_apis/Identities/{number}",
        "_links": {"avatar": {"href": avatar}},
        "id": number,
        "uniqueName": "user@example.com",
        "imageUrl": avatar,
        "descriptor": "aad.someone",
    }


def _repository(place: Place, source: Source) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, source.name)),
        "type": "TfsGit",
        "name": source.name,
        "url": f"{place.root}/{place.organization}/{place.project}/_git/{source.name}",
        "clean": None,
        "checkoutSubmodules": False,
    }


_NOBODY = "00000002-0000-8888-8000-000000000000"


def timeline_json(place: Place, run: Run) -> dict[str, Any]:
    """``GET timeline``. Records come in no order that means anything: here, by id."""
    with run.lock:
        records = [_record_json(place, run, record) for record in sorted(run.records, key=lambda each: each.id)]
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"timeline-{run.id}"))
    return {
        "records": records,
        "lastChangedBy": _NOBODY,
        "lastChangedOn": short_time(run.changed),
        "id": number,
        "changeId": max((record.change for record in run.records), default=0),
        "url": f"{place.base}/_apis/build/builds/{run.id}/Timeline/{number}",
    }


def _record_json(place: Place, run: Run, record: Record) -> dict[str, Any]:
    log = None
    if record.log_id is not None:
        url = f"{place.base}/_apis/build/builds/{run.id}/logs/{record.log_id}"
        log = {"id": record.log_id, "type": "Container", "url": url}
    kinds = [issue["type"] for issue in record.issues]
    return {
        "previousAttempts": [],
        "id": record.id,
        "parentId": record.parent.id if record.parent is not None else None,
        "type": record.type,
        "name": record.name,
        "refName": record.ref_name or None,
        "startTime": short_time(record.started) if record.started is not None else None,
        "finishTime": short_time(record.finished) if record.finished is not None else None,
        "currentOperation": None,
        "percentComplete": None,
        "state": record.state,
        "result": record.result if record.state == "completed" else None,
        "resultCode": record.result_code,
        "changeId": record.change,
        "lastModified": NEVER,
        "workerName": record.worker,
        **({"queueId": QUEUE} if record.type == "Job" else {}),
        "order": record.order,
        "details": None,
        "errorCount": kinds.count("error"),
        "warningCount": kinds.count("warning"),
        "url": None,
        "log": log,
        "task": dict(record.task) if record.task is not None else None,
        "attempt": 1,
        "identifier": record.identifier,
        **({"issues": list(record.issues)} if record.issues else {}),
    }


def approval_json(place: Place, number: str, approval: Approval) -> dict[str, Any]:
    """``GET approvals/{id}`` with its steps."""
    said = approval.said
    steps = [
        {
            "assignedApprover": {**_person(place), "displayName": name},
            **({"actualApprover": {**_person(place), "displayName": said[1]}} if said is not None else {}),
            "status": said[0] if said is not None else "pending",
            **({"comment": said[2]} if said is not None and said[2] else {}),
            "initiatedOn": NEVER,
        }
        for name in (approval.approvers if said is None else approval.approvers[:1])
    ]
    return {
        "id": number,
        "steps": steps,
        "status": said[0] if said is not None else "pending",
        "executionOrder": "anyOrder",
        "minRequiredApprovers": approval.needed,
        "blockedApprovers": [],
        **({"instructions": approval.instructions} if approval.instructions else {}),
        "_links": {"self": {"href": f"{place.base}/_apis/pipelines/approvals/{number}"}},
    }


def queue_json(place: Place, number: int) -> dict[str, Any]:
    """``GET queues/{id}``: every job of this service has the same."""
    pool = {"id": 9, "scope": place.project_id, "name": POOL, "isHosted": True, "poolType": "automation", "size": 1}
    return {"id": number, "projectId": place.project_id, "name": POOL, "pool": pool}


def logs_json(place: Place, run: Run) -> list[dict[str, Any]]:
    """``GET logs``: one entry for each log that clients can see."""
    with run.lock:
        logs = sorted(run.logs.items())
    return [
        {
            "lineCount": log.line_count,
            "createdOn": short_time(log.created),
            "lastChangedOn": short_time(log.changed),
            "id": number,
            "type": "Container",
            "url": f"{place.base}/_apis/build/builds/{run.id}/logs/{number}",
        }
        for number, log in logs
    ]
