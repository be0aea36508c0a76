"""Timelines and lists of logs as JSON, with the keys that the recorded answers have, in their order."""

import uuid
from typing import Any

from image_builder_stand_ins.azure_devops import clock
from image_builder_stand_ins.azure_devops.representation import Place
from image_builder_stand_ins.azure_devops.run import Record, Run

_NOBODY = "00000002-0000-8888-8000-000000000000"


def timeline_json(place: Place, run: Run) -> dict[str, Any]:
    """``GET timeline``. Records come in no order that means anything: here, by id."""
    with run.lock:
        records = [_record_json(place, run, record) for record in sorted(run.records, key=lambda each: each.id)]
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"timeline-{run.id}"))
    return {
        "records": records,
        "lastChangedBy": _NOBODY,
        "lastChangedOn": clock.short(run.changed),
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
        "startTime": clock.short(record.started) if record.started is not None else None,
        "finishTime": clock.short(record.finished) if record.finished is not None else None,
        "currentOperation": None,
        "percentComplete": None,
        "state": record.state,
        "result": record.result if record.state == "completed" else None,
        "resultCode": record.result_code,
        "changeId": record.change,
        "lastModified": clock.NEVER,
        "workerName": record.worker,
        **({"queueId": 18} if record.type == "Job" else {}),
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


def logs_json(place: Place, run: Run) -> list[dict[str, Any]]:
    """``GET logs``: one entry for each log that clients can see."""
    with run.lock:
        logs = sorted(run.logs.items())
    return [
        {
            "lineCount": log.line_count,
            "createdOn": clock.short(log.created),
            "lastChangedOn": clock.short(log.changed),
            "id": number,
            "type": "Container",
            "url": f"{place.base}/_apis/build/builds/{run.id}/logs/{number}",
        }
        for number, log in logs
    ]
