"""The timeline of a run: its stages, jobs and tasks, in the order of the pipeline.

The service sends records in any order and may leave out keys. Only the highest attempt of each record counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.remote_pipeline import REPORT_TASKS, FailedRecord

from image_builder_adapters.azure_devops.answer import (
    as_object,
    as_objects,
    messages_of,
    plain,
    whole,
    with_place,
    word,
)

FAILED: Final = ("failed", "canceled", "abandoned")
"""The results of records that did not succeed."""

_SHOWN: Final = ("stage", "job", "task")
_MOST_FAILED, _MOST_ISSUES, _DEEPEST = 50, 10, 50
_LAST: Final = 2**31


@final
@dataclass(frozen=True, slots=True)
class Record:
    """A stage, phase, job, task or check. ``place`` sorts records; ``log`` is the number of its log.

    ``queue`` is the number of the agent queue of a job.
    """

    id: str
    parent: str
    kind: str
    name: str
    ref_name: str
    state: str
    result: str
    log: int | None
    issues: tuple[str, ...]
    queue: int | None = None
    place: tuple[tuple[int, str], ...] = ()

    @property
    def is_completed(self) -> bool:
        """Whether it has ended."""
        return self.state == "completed"


@final
@dataclass(frozen=True, slots=True)
class Chain:
    """Records whose logs are printed one after the other: the tasks of a job, or the job if its tasks have no logs."""

    job: str
    records: tuple[Record, ...]


def read_timeline(content: Any) -> tuple[Record, ...]:
    """All records, in order; none for a timeline that is missing or malformed."""
    latest = _latest(as_objects(as_object(content).get("records")))
    by_id = {str(each.get("id")): each for each in latest}
    return tuple(sorted((_record(each, by_id) for each in latest), key=lambda record: record.place))


def chains(records: tuple[Record, ...], *, completed: bool) -> tuple[Chain, ...]:
    """The records to print, in order. The log of a job repeats its tasks' logs, so it counts only if they have none."""
    jobs = [record for record in records if record.kind == "job"]
    known = {job.id for job in jobs}
    orphans = tuple(each for each in records if each.kind == "task" and each.parent not in known)
    has_orphans = any(orphan.log is not None for orphan in orphans)  # whose job's log would repeat theirs
    by_parent: dict[str, list[Record]] = {}
    for record in records:
        if record.kind == "task":
            by_parent.setdefault(record.parent, []).append(record)
    found = []
    for job in jobs:
        tasks = tuple(by_parent.get(job.id, ()))
        if any(task.log is not None for task in tasks) or not completed:
            found.append(Chain(job.id, tasks))
        elif not has_orphans:
            found.append(Chain(job.id, (job,)))
    return (*found, *((Chain("", orphans),) if orphans else ()))


def failures(records: Iterable[Record]) -> tuple[FailedRecord, ...]:
    """The first 50 records that did not succeed, with their errors."""
    failed = (each for each in records if each.result in FAILED and each.kind in _SHOWN)
    shown = [FailedRecord(each.kind, each.name, each.result, each.issues) for each in failed]
    return tuple(shown[:_MOST_FAILED])


def report_rank(record: Record) -> int | None:
    """0 for the task that prints the build report, 1 for its second name, None for all others."""
    names = {name.lower().replace("-", "_").replace(" ", "_") for name in (record.name, record.ref_name)}
    ranks = [rank for rank, name in enumerate(REPORT_TASKS) if name in names]
    return ranks[0] if ranks and record.kind == "task" else None


def _latest(raw: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: dict[object, dict[str, Any]] = {}
    for each in raw:
        identifier = each.get("identifier")
        key = (word(each.get("type")), identifier) if isinstance(identifier, str) else id(each)
        before = kept.get(key)
        if before is None or (whole(each.get("attempt")) or 0) >= (whole(before.get("attempt")) or 0):
            kept[key] = each
    return list(kept.values())


def _record(raw: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> Record:
    errors = [each for each in as_objects(raw.get("issues")) if word(each.get("type")) == "error"]
    return Record(
        id=str(raw.get("id")),
        parent=str(raw.get("parentId")),
        kind=word(raw.get("type")),
        name=plain(raw.get("name")),
        ref_name=plain(raw.get("refName")),
        state=word(raw.get("state")),
        result=word(raw.get("result")),
        log=whole(as_object(raw.get("log")).get("id")),
        issues=tuple(map(with_place, messages_of(errors)))[:_MOST_ISSUES],
        queue=whole(raw.get("queueId")),
        place=_place(raw, by_id),
    )


def _place(raw: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> tuple[tuple[int, str], ...]:
    """The ``order`` of each ancestor and of the record itself; a missing parent or a cycle ends the list."""
    steps: list[tuple[int, str]] = []
    current: dict[str, Any] | None = raw
    while current is not None and len(steps) < _DEEPEST:
        order, started = current.get("order"), current.get("startTime")
        steps.append((order if isinstance(order, int) else _LAST, started if isinstance(started, str) else "~"))
        current = by_id.get(str(current.get("parentId")))
    return tuple(reversed(steps))
