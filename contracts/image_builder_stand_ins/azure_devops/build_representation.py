"""Builds as JSON, with the keys that the recorded answers have, in their order."""

import uuid
from collections.abc import Mapping
from typing import Any

from image_builder_stand_ins.azure_devops import clock
from image_builder_stand_ins.azure_devops.representation import PipelineCard, Place, Source
from image_builder_stand_ins.azure_devops.run import Run


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
        "queue": {"id": 18, "name": "Azure Pipelines", "pool": {"id": 9, "name": "Azure Pipelines", "isHosted": True}},
        "priority": "normal",
        "reason": "manual",
        "requestedFor": _person(place),
        "requestedBy": _person(place),
        "lastChangedDate": clock.short(run.changed),
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
    found["queueTime"] = clock.short(run.queued)
    if run.started is not None:
        found["startTime"] = clock.short(run.started)
    if status == "completed":
        found["finishTime"] = clock.short(run.finished or 0)
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
