"""The timeline of a run: its stages, jobs and tasks in the order in which they stand in the pipeline.

Records come in any order and with keys left out; only the highest attempt of each counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.remote_pipeline import REPORT_TASKS, FailedRecord

from image_builder_adapters.azure_devops.answer import messages_of, plain, whole, with_place, word

_FAILED: Final = ("failed", "canceled", "abandoned")
_SHOWN: Final = ("stage", "job", "task")
_MOST_FAILED, _MOST_ISSUES, _DEEPEST = 50, 10, 50
_LAST: Final = 2**31


@final
@dataclass(frozen=True, slots=True)
class Record:
    """A stage, phase, job or task. ``place`` sorts records; ``log`` is the number of its log, None without one."""

    id: str
    parent: str
    kind: str
    name: str
    ref_name: str
    state: str
    result: str
    log: int | None
    issues: tuple[str, ...]
    place: tuple[tuple[int, str], ...] = ()

    @property
    def is_completed(self) -> bool:
        """True when nothing more happens to it."""
        return self.state == "completed"


@final
@dataclass(frozen=True, slots=True)
class Chain:
    """The records whose logs follow each other: the tasks of one job, or the job itself when its tasks have none."""

    job: str
    records: tuple[Record, ...]


def read_timeline(content: Any) -> tuple[Record, ...]:
    """All records in order; none of a timeline that is missing, null or something else."""
    found = content.get("records") if isinstance(content, dict) else None
    raw = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    latest = _latest(raw)
    by_id = {str(each.get("id")): each for each in latest}
    return tuple(sorted((_record(each, by_id) for each in latest), key=lambda record: record.place))


def chains(records: tuple[Record, ...], *, completed: bool) -> tuple[Chain, ...]:
    """What to print, in order. The log of a job repeats those of its tasks: it counts only when they have none."""
    jobs = [record for record in records if record.kind == "job"]
    by_parent: dict[str, list[Record]] = {}
    for record in records:
        if record.kind == "task":
            by_parent.setdefault(record.parent, []).append(record)
    found = []
    for job in jobs:
        tasks = tuple(by_parent.get(job.id, ()))
        if any(task.log is not None for task in tasks) or not completed:
            found.append(Chain(job.id, tasks))
        else:
            found.append(Chain(job.id, (job,)))
    known = {job.id for job in jobs}
    orphans = tuple(each for each in records if each.kind == "task" and each.parent not in known)
    return (*found, *((Chain("", orphans),) if orphans else ()))


def failures(records: Iterable[Record]) -> tuple[FailedRecord, ...]:
    """The records that did not succeed, with their errors; a bounded number of them."""
    failed = (each for each in records if each.result in _FAILED and each.kind in _SHOWN)
    shown = [FailedRecord(each.kind, each.name, each.result, each.issues) for each in failed]
    return tuple(shown[:_MOST_FAILED])


def report_rank(record: Record) -> int | None:
    """0 for the task that prints the build report, more for what else may be it, None for all others."""
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
    log = raw.get("log")
    kept = raw.get("issues")
    errors = (
        [each for each in kept if isinstance(each, dict) and word(each.get("type")) == "error"]
        if isinstance(kept, list)
        else []
    )
    return Record(
        id=str(raw.get("id")),
        parent=str(raw.get("parentId")),
        kind=word(raw.get("type")),
        name=plain(raw.get("name")),
        ref_name=plain(raw.get("refName")),
        state=word(raw.get("state")),
        result=word(raw.get("result")),
        log=whole(log.get("id")) if isinstance(log, dict) else None,
        issues=tuple(map(with_place, messages_of(errors)))[:_MOST_ISSUES],
        place=_place(raw, by_id),
    )


def _place(raw: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> tuple[tuple[int, str], ...]:
    """The orders of all ancestors and its own; a parent that is missing, or a circle, ends the way up."""
    steps: list[tuple[int, str]] = []
    current: dict[str, Any] | None = raw
    while current is not None and len(steps) < _DEEPEST:
        order, started = current.get("order"), current.get("startTime")
        steps.append((order if isinstance(order, int) else _LAST, started if isinstance(started, str) else "~"))
        current = by_id.get(str(current.get("parentId")))
    return tuple(reversed(steps))
