"""The HTTP side: reads a request, injects a fault or carries out the operation, and answers as in recordings."""

import gzip
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any, final

from returns.pipeline import is_successful

from image_builder_stand_ins.azure_devops.fault import (
    Amend,
    Cut,
    Fault,
    HangUp,
    LoseAnswer,
    Replace,
    RevokeTokens,
    Stall,
)
from image_builder_stand_ins.azure_devops.log import full_time
from image_builder_stand_ins.azure_devops.message import (
    Answer,
    Operation,
    ReceivedRequest,
    Request,
    build_not_found,
    error,
    json_answer,
    listed,
    no_controller,
    no_project,
    not_signed_in,
    pipeline_not_found,
    text_answer,
    version_refusal,
)
from image_builder_stand_ins.azure_devops.parameter import resolve
from image_builder_stand_ins.azure_devops.preview import final_yaml
from image_builder_stand_ins.azure_devops.representation import (
    QUEUE,
    approval_json,
    build_json,
    logs_json,
    pipeline_json,
    preview_json,
    queue_json,
    run_json,
    timeline_json,
)
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.azure_devops.state import Pipeline, ServiceState
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError
from image_builder_stand_ins.http_server import StandInHandler


def answer_to(state: ServiceState, request: Request) -> Answer:
    """The answer to a request that meets no fault."""
    if request.operation is Operation.TOKEN:
        return state.identities.token_answer(request)
    if not state.identities.knows(request):
        return not_signed_in(state.place, request)
    if request.operation is Operation.UNKNOWN:
        return no_controller(request)
    if request.places["organization"].lower() != state.place.organization.lower():
        return no_controller(request)
    if request.places["project"].lower() not in (state.place.project.lower(), state.place.project_id):
        return no_project(request.places["project"])
    refusal = version_refusal(request, state.newest_version)
    return refusal if refusal is not None else _ROUTES[request.operation](state, request)


def _start_run(state: ServiceState, request: Request) -> Answer:
    pipeline = state.pipeline(request.number("pipeline"))
    if pipeline is None:
        return pipeline_not_found(404, request.number("pipeline"))
    body = _run_body(request)
    if isinstance(body, Answer):
        return body
    if body.get("previewRun") is True:
        return _preview_of(state, pipeline, body, whole=True)
    try:
        values = resolve(pipeline.parameters, body["templateParameters"])
        run = state.new_run(pipeline, body["templateParameters"])
        work = pipeline.work.prepare(pipeline, values, run)
    except RefusedError as refused:
        return error(400, "PipelineValidationException", str(refused))
    answer = json_answer(run_json(state.place, pipeline.card, run, whole=True))
    state.start(run, work)
    return answer


def _preview(state: ServiceState, request: Request) -> Answer:
    pipeline = state.pipeline(request.number("pipeline"))
    if pipeline is None:
        return pipeline_not_found(500, request.number("pipeline"))
    body = _run_body(request)
    return body if isinstance(body, Answer) else _preview_of(state, pipeline, body, whole=False)


def _preview_of(state: ServiceState, pipeline: Pipeline, body: Mapping[str, Any], *, whole: bool) -> Answer:
    override = body.get("yamlOverride") or pipeline.definition
    try:
        expanded = final_yaml(override, pipeline.card.source.yaml_file, body["templateParameters"])
    except RefusedError as refused:
        return error(400, "PipelineValidationException", str(refused))
    if state.carriage_returns:
        expanded = expanded.replace("\n", "\r\n")
    return json_answer(preview_json(state.place, pipeline.card, expanded) if whole else {"finalYaml": expanded})


def _run_body(request: Request) -> dict[str, Any] | Answer:
    """The body of a run; if a value is not a scalar, the service ignores the body."""
    body = request.json()
    parameters = body.get("templateParameters", {}) if isinstance(body, dict) else None
    if not isinstance(parameters, dict) or any(isinstance(value, dict | list) for value in parameters.values()):
        message = "Value cannot be null.\r\nParameter name: runParameters"
        return error(400, "ArgumentNullException", message)
    return {**body, "templateParameters": parameters}


def _get_pipeline(state: ServiceState, request: Request) -> Answer:
    pipeline = state.pipeline(request.number("pipeline"))
    if pipeline is None:
        return pipeline_not_found(404, request.number("pipeline"))
    return json_answer(pipeline_json(state.place, pipeline.card))


def _list_runs(state: ServiceState, request: Request) -> Answer:
    pipeline = state.pipeline(request.number("pipeline"))
    if pipeline is None:
        return pipeline_not_found(404, request.number("pipeline"))
    runs = [run for run in state.runs if run.pipeline_id == pipeline.card.id]
    return listed([run_json(state.place, pipeline.card, run, whole=False) for run in runs[:10_000]])


def _with_run(show: Callable[[ServiceState, Request, Pipeline, Run], Answer]) -> "Route":
    def route(state: ServiceState, request: Request) -> Answer:
        number = request.number("build")
        run = state.run(number)
        pipeline = state.pipeline(run.pipeline_id) if run is not None else None
        asked = request.places.get("pipeline", str(run.pipeline_id if run is not None else 0))
        if run is None or pipeline is None or int(asked) != run.pipeline_id:
            return build_not_found(number)
        return show(state, request, pipeline, run)

    return route


def _get_run(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    del request
    return json_answer(run_json(state.place, pipeline.card, run, whole=True))


def _get_build(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    del request
    return json_answer(build_json(state.place, pipeline.card, run))


def _list_builds(state: ServiceState, request: Request) -> Answer:
    """Pages of ``$top`` builds queued since ``minTime``, newest first; the token is where the next page begins."""
    wanted = request.query.get("definitions", "")
    numbers = {int(number) for number in wanted.split(",") if number.isdigit()}
    runs = [run for run in state.runs if not numbers or run.pipeline_id in numbers]
    since = request.query.get("minTime", "")
    runs = [run for run in runs if full_time(run.queued) >= since.removesuffix("Z")]
    top, start = request.query.get("$top", "1000"), request.query.get("continuationToken", "0")
    if not (top.isdigit() and start.isdigit()):
        return error(400, "ArgumentException", "The continuation token or $top is not valid.")
    end = int(start) + int(top)
    page = [_build_of(state, run) for run in runs[int(start) : end]]
    return listed(page, (("x-ms-continuationtoken", str(end)),) if end < len(runs) else ())


def _build_of(state: ServiceState, run: Run) -> dict[str, Any]:
    pipeline = state.pipeline(run.pipeline_id)
    return build_json(state.place, pipeline.card, run) if pipeline is not None else {}


def _cancel(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    body = request.json()
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, str) or status.lower() != "cancelling":
        return error(
            400, "ArgumentException", "Value does not fall within the expected range.\r\nParameter name: build"
        )
    if not run.cancel():
        return error(400, "InvalidBuildException", f"The build {run.id} is already completed and cannot be changed.")
    answer = build_json(state.place, pipeline.card, run)
    return json_answer({**answer, "status": "cancelling"})


def _timeline(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    """A run that no agent has taken has no timeline: 204."""
    del request, pipeline
    return json_answer(timeline_json(state.place, run)) if run.records else Answer(204)


def _list_logs(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    del request, pipeline
    return listed(logs_json(state.place, run))


def _get_log(state: ServiceState, request: Request, pipeline: Pipeline, run: Run) -> Answer:
    del pipeline
    log = run.logs.get(request.number("log"))
    if log is None:
        return error(404, "BuildLogNotFoundException", f"The requested log {request.number('log')} could not be found.")
    bounds = [request.query.get(name) for name in ("startLine", "endLine")]
    if any(bound is not None and not bound.isdigit() for bound in bounds):
        return error(400, "ArgumentException", "The line numbers are not valid.\r\nParameter name: startLine")
    first, last = (None if bound is None else int(bound) + 1 - state.first_line for bound in bounds)
    part = log.part(first, last)
    if "json" in request.header("accept") and "text/plain" not in request.header("accept"):
        return listed(part.read().decode("utf-8", "replace").splitlines())
    return Answer(200, b"", "text/plain", part=part)


def _get_approval(state: ServiceState, request: Request) -> Answer:
    number = request.places["approval"]
    for run in state.runs:
        if number in run.approvals:
            return json_answer(approval_json(state.place, number, run.approvals[number]))
    return error(404, "ApprovalNotFoundException", f"The requested approval {number} could not be found.")


def _get_queue(state: ServiceState, request: Request) -> Answer:
    number = request.number("queue")
    if number != QUEUE:
        return error(404, "TaskAgentQueueNotFoundException", f"Queue {number} does not exist.")
    return json_answer(queue_json(state.place, number))


Route = Callable[[ServiceState, Request], Answer]
_ROUTES: Mapping[Operation, Route] = {
    Operation.START_RUN: _start_run,
    Operation.LIST_RUNS: _list_runs,
    Operation.GET_RUN: _with_run(_get_run),
    Operation.PREVIEW: _preview,
    Operation.GET_PIPELINE: _get_pipeline,
    Operation.LIST_BUILDS: _list_builds,
    Operation.GET_BUILD: _with_run(_get_build),
    Operation.CANCEL: _with_run(_cancel),
    Operation.TIMELINE: _with_run(_timeline),
    Operation.LIST_LOGS: _with_run(_list_logs),
    Operation.GET_LOG: _with_run(_get_log),
    Operation.GET_APPROVAL: _get_approval,
    Operation.GET_QUEUE: _get_queue,
}


LARGEST_BODY = 4 << 20
_WORTH_ZIPPING = 1024
_BLOCK = 1 << 18


@final
class Handler(StandInHandler[ServiceState]):
    """One request for each connection."""

    def handle_any(self) -> None:
        """Answer a request of any method."""
        body = self.read_body(LARGEST_BODY)
        if not is_successful(body):
            self._send(None, text_answer(411, "The request must have a length that this service can take."))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request.parse(self.command, self.path, headers, body.unwrap())
        self._meet(self.state.next_fault(request.operation), request)

    def _meet(self, fault: Fault | None, request: Request) -> None:
        if isinstance(fault, HangUp):
            self._hang_up(request)
            return
        if isinstance(fault, Replace):
            self._send(request, fault.answer)
            return
        if isinstance(fault, Stall):
            self.state.stopping.wait(fault.seconds)
        if isinstance(fault, RevokeTokens):
            self.state.identities.revoke_tokens()
        answer = answer_to(self.state, request)
        if isinstance(fault, LoseAnswer):
            self._hang_up(request)
        elif isinstance(fault, Cut):
            content = answer.content
            self._send(request, replace(answer.with_content(content[: fault.sent]), announced=len(content) + 1))
        elif isinstance(fault, Amend):
            self._send(request, fault.change(request, answer))
        else:
            self._send(request, answer)

    def _hang_up(self, request: Request) -> None:
        self.state.keep(ReceivedRequest(request, None))
        self.close_connection = True

    def _send(self, request: Request | None, answer: Answer) -> None:
        if request is not None:
            self.state.keep(ReceivedRequest(request, answer.status))
        content, zipped = answer.body, self._wants_zip(answer)
        if zipped:
            content = gzip.compress(content, 1)
        length = len(content) if answer.part is None else answer.part.end - answer.part.start
        # send_response would add a Server header, which the service does not have
        self.send_response_only(answer.status)
        self._send_common_headers(answer)
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.announced or length))
        self.end_headers()
        if answer.part is None:
            self.wfile.write(content)
            return
        with answer.part.path.open("rb") as file:
            file.seek(answer.part.start)
            _copy(file, self.wfile, length)

    def _wants_zip(self, answer: Answer) -> bool:
        if answer.part is not None or answer.announced is not None or len(answer.body) < _WORTH_ZIPPING:
            return False
        return "gzip" in self.headers.get("Accept-Encoding", "") and "json" in (answer.content_type or "")

    def _send_common_headers(self, answer: Answer) -> None:
        activity = str(uuid.uuid4())
        session = self.headers.get("X-TFS-Session") or str(uuid.uuid4())
        own = [("Cache-Control", "no-cache"), ("Date", formatdate(usegmt=True)), ("Expires", "-1")]
        own += [("X-TFS-Session", session), ("X-VSS-E2EID", activity), ("ActivityId", activity)]
        if answer.content_type is not None:
            own.append(("Content-Type", answer.content_type))
        for name, value in (*own, ("Vary", "Accept-Encoding"), ("Connection", "close"), *answer.headers):
            self.send_header(name, value)


def _copy(source: Any, target: Any, length: int) -> None:
    while length > 0:
        block = source.read(min(length, _BLOCK))
        if not block:
            return
        target.write(block)
        length -= len(block)
