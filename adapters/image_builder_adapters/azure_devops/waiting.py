"""What a run waits for: approvals, permits, other checks, an agent, or the pipeline's queue.

Approvals and checks are records of the timeline (``Checkpoint.Approval`` and others); the id of such a record is the id
of its approval. Source: Azure DevOps REST API, Approvals and Checks; Timeline; Distributed Task, Queues.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, final

from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import FailedRecord, Run
from returns.methods import unwrap_or_failure

from image_builder_adapters.azure_devops.answer import Refusal, as_object, as_objects, plain, whole, word
from image_builder_adapters.azure_devops.service import Service
from image_builder_adapters.azure_devops.timeline import FAILED, Record
from image_builder_adapters.azure_devops.urls import PipelineUrls

_REPEAT_SECONDS: Final = 300.0
_CHECKPOINT: Final = "checkpoint"
_APPROVAL: Final = "checkpoint.approval"
_MOST_NAMED: Final = 10
_PERMIT: Final = "a permit to use a pool, variable group or connection; an administrator must give it on the run's page"
_CHECKS: Final = {
    "checkpoint.authorization": _PERMIT,
    "checkpoint.exclusivelock": "the exclusive lock that another run holds",
}
_NOT_BEGUN: Final = "it has not begun; earlier runs, or other pipelines with the same parallel jobs, come first"
_QUEUES: Final = {
    "paused": "the queue of the pipeline is paused; an administrator must enable it in the pipeline's settings",
    "disabled": "the pipeline is disabled; an administrator must enable it in the pipeline's settings",
}


@final
@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that a run waits for: the id of its record (empty for the run itself), and what it is."""

    record: str
    kind: str
    where: str
    queue: int | None = None


def waits(records: tuple[Record, ...]) -> tuple[Wait, ...]:
    """What the records of a timeline wait for, in order: checks that are not done, else jobs without an agent."""
    by_id = {record.id: record for record in records}
    checks = tuple(each for each in records if each.kind.startswith(f"{_CHECKPOINT}.") and not each.is_completed)
    parents = {check.parent for check in checks}
    bare = (each for each in records if each.kind == _CHECKPOINT and each.state == "inprogress")
    found = (*checks, *(each for each in bare if each.id not in parents))
    if found:
        return tuple(Wait(each.id, each.kind, _place(each, by_id)) for each in found)
    if any(each.kind == "job" and each.state == "inprogress" for each in records):
        return ()
    return tuple(
        Wait(each.id, "job", f"job {each.name!r}", each.queue) for each in records if _needs_agent(each, by_id)
    )


def _needs_agent(record: Record, by_id: dict[str, Record]) -> bool:
    """Whether a job is pending although its phase is on; one that waits for another job has a pending phase."""
    parent = by_id.get(record.parent)
    return record.kind == "job" and record.state == "pending" and (parent is None or parent.state == "inprogress")


def _place(record: Record, by_id: dict[str, Record]) -> str:
    """The stage of a checkpoint."""
    current: Record | None = record
    for _ in range(len(by_id)):
        if current is None or current.kind == "stage":
            break
        current = by_id.get(current.parent)
    return f"stage {current.name!r}" if current is not None and current.kind == "stage" else "the run"


@final
class Waiting:
    """Says what a run waits for: when that changes, and every five minutes."""

    def __init__(self, run: Run, urls: PipelineUrls, service: Service, notify: Callable[[str], None]) -> None:
        self._run = run
        self._urls = urls
        self._service = service
        self._notify = notify
        self._said: dict[Wait, float] = {}
        self._looks = 0

    def look(self, records: tuple[Record, ...], cancellation: Cancellation) -> None:
        """Take a timeline that was just read; asks the service for the details of what is new."""
        found = waits(records)
        self._looks = 0 if records else self._looks + 1
        if not records:
            found = self._queue(cancellation)
        now = self._service.stopwatch()
        for each in found:
            if now - self._said.get(each, now - _REPEAT_SECONDS) >= _REPEAT_SECONDS:
                self._said[each] = now
                self._notify(f"run {self._run.number} waits: {self._text(each, cancellation)}: {self._run.url}")
        self._said = {each: at for each, at in self._said.items() if each in found}

    def _text(self, wait: Wait, cancellation: Cancellation) -> str:
        if wait.kind == _APPROVAL:
            return f"{wait.where} needs {_approval_text(self._get(self._urls.approval(wait.record), cancellation))}"
        if wait.kind == "job":
            return f"{wait.where} needs an agent of {self._pool(wait.queue, cancellation)}, and none has taken it yet"
        if wait.kind.startswith(_CHECKPOINT):
            return f"{wait.where} needs {_CHECKS.get(wait.kind, f'the check {wait.kind!r} to pass')}"
        return wait.where

    def _queue(self, cancellation: Cancellation) -> tuple[Wait, ...]:
        """Why a run without records does not begin. Without a known reason, it gets two looks to begin."""
        build = self._get((self._urls.build(self._run.number),), cancellation)
        status = word(as_object(build.get("definition")).get("queueStatus"))
        if status in _QUEUES:
            return (Wait("", status, _QUEUES[status]),)
        begun = word(build.get("status"))
        if begun == "postponed":
            return (Wait("", begun, "it is postponed"),)
        if begun == "notstarted" and self._looks > 1:
            return (Wait("", begun, _NOT_BEGUN),)
        return ()

    def _pool(self, queue: int | None, cancellation: Cancellation) -> str:
        if queue is None:
            return "its pool"
        name = plain(self._get(self._urls.queue(queue), cancellation).get("name"))
        return f"pool {name!r}" if name else f"the pool with queue {queue}"

    def _get(self, urls: Iterable[str], cancellation: Cancellation) -> dict[str, Any]:
        """The JSON object at the first URL that has one, else an empty one: nothing here may end the run."""
        for url in urls:
            found = unwrap_or_failure(self._service.get(url, cancellation))
            if isinstance(found, dict):
                return found
            if not isinstance(found, Refusal) or found.status != 400:  # 400: the service does not have this version
                break
        return {}

    # --- the end ----------------------------------------------------------------------------------------------------

    def refusals(self, records: tuple[Record, ...], cancellation: Cancellation) -> tuple[FailedRecord, ...]:
        """The checks that a run did not pass, with who rejected it, and why."""
        by_id = {record.id: record for record in records}
        failed = [each for each in records if each.kind.startswith(_CHECKPOINT) and each.result in FAILED]
        explained = {each.parent for each in failed}
        return tuple(
            FailedRecord(
                "approval" if each.kind == _APPROVAL else "check",
                _place(each, by_id).removeprefix("stage ").strip("'"),
                each.result,
                (*self._reasons(each, cancellation), *each.issues),
            )
            for each in failed[:_MOST_NAMED]
            if each.issues or each.id not in explained
        )

    def _reasons(self, record: Record, cancellation: Cancellation) -> Iterable[str]:
        if record.kind == _APPROVAL:
            return _rejections(self._get(self._urls.approval(record.id), cancellation))
        return () if record.kind == _CHECKPOINT else (_CHECKS.get(record.kind, f"the check {record.kind!r} failed"),)


def _approval_text(approval: dict[str, Any]) -> str:
    """Who must approve, as far as the service tells."""
    steps = as_objects(approval.get("steps"))
    names = [_name(each.get("assignedApprover")) for each in steps if word(each.get("status")) != "approved"]
    named = ", ".join(dict.fromkeys(name for name in names[:_MOST_NAMED] if name))
    needed = whole(approval.get("minRequiredApprovers"))
    count = f" ({needed} of {len(steps)} must approve)" if needed is not None and needed < len(steps) else ""
    instructions = plain(approval.get("instructions")).partition("\n")[0]
    said = f"; instructions: {instructions}" if instructions else ""
    return (f"an approval by {named}{count}" if named else "an approval") + said


def _rejections(approval: dict[str, Any]) -> Iterator[str]:
    for step in as_objects(approval.get("steps")):
        if word(step.get("status")) == "rejected":
            who = _name(step.get("actualApprover")) or _name(step.get("assignedApprover")) or "an approver"
            comment = plain(step.get("comment"))
            yield f"rejected by {who}" + (f": {comment}" if comment else ", without a comment")
    if word(approval.get("status")) == "timedout":
        yield "not approved in time"


def _name(identity: object) -> str:
    fields = as_object(identity)
    return plain(fields.get("displayName")) or plain(fields.get("uniqueName"))
