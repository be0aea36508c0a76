"""An Azure DevOps organization on loopback: one project, pipelines that really run, and every known fault.

::

    with AzureDevOps.start() as service:
        pipeline = service.add_pipeline("oci-image-builder", definition)      # YAML; its steps are executed
        driven = service.add_pipeline("driven", definition, work=my_function)  # a test decides what happens
        …  # a client talks to service.organization_url, service.project, pipeline.card.id with service.pat
        service.fail("throttled", times=3)
        service.inject(Replace(answer), on=[Operation.GET_LOG], after=2)
        assert service.count(Operation.START_RUN) == 1
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self, final

from image_builder_stand_ins.azure_devops.agent.agent import AgentSettings
from image_builder_stand_ins.azure_devops.agent.execution import Executed
from image_builder_stand_ins.azure_devops.agent.machine import Machines
from image_builder_stand_ins.azure_devops.fault import Fault, Injection
from image_builder_stand_ins.azure_devops.faults import injections
from image_builder_stand_ins.azure_devops.handler import Handler
from image_builder_stand_ins.azure_devops.identity import Identities, ServicePrincipal, new_pat
from image_builder_stand_ins.azure_devops.message import Operation, ReceivedRequest
from image_builder_stand_ins.azure_devops.parameter import declared
from image_builder_stand_ins.azure_devops.representation import Place, Source
from image_builder_stand_ins.azure_devops.run import Run, Work
from image_builder_stand_ins.azure_devops.state import Pipeline, ServiceOptions, ServiceState, WorkFor
from image_builder_stand_ins.azure_devops.yaml_node import load
from image_builder_stand_ins.http_server import StandInServer, serving


@final
class AzureDevOps:
    """A running service; made by :meth:`start`. Thread-safe."""

    def __init__(self, options: ServiceOptions, folder: Path) -> None:
        self.principal = ServicePrincipal()
        identities = Identities(options.pat or new_pat(), self.principal, options.token_seconds)
        self._machines = Machines(folder)
        self._state = ServiceState(identities, folder, options.organization, options.project)
        self._state.page_bytes = options.page_bytes
        self._state.first_line = options.first_line
        self._state.newest_version = options.newest_version
        self._state.carriage_returns = options.carriage_returns
        self._server = StandInServer((options.host, options.port), partial(Handler, self._state))
        self._root = f"http://{self._server.host_port}"
        self._state.place = Place(self._root, options.organization, options.project)

    @classmethod
    @contextlib.contextmanager
    def start(cls, options: ServiceOptions | None = None) -> Iterator[Self]:
        """Listen (port 0: any free one) until the block ends; then every run is canceled. Raises ``OSError``."""
        chosen = options or ServiceOptions()
        with tempfile.TemporaryDirectory(prefix="azure-devops-", dir=chosen.folder) as folder:
            service = cls(chosen, Path(folder).absolute())
            with serving(service._server, service.stop):
                yield service

    def stop(self) -> None:
        """Cancel every run and end what agents left behind; done when the block of :meth:`start` ends."""
        self._state.stop()
        self._machines.close()

    # --- what a client needs to know ---------------------------------------------------------------------------

    @property
    def organization_url(self) -> str:
        """``ado-organization-url`` of the configuration, without a slash at its end."""
        return f"{self._root}/{self._state.place.organization}"

    @property
    def project(self) -> str:
        """``ado-project-name`` of the configuration."""
        return self._state.place.project

    @property
    def project_id(self) -> str:
        """The project's GUID, which addresses in answers carry."""
        return self._state.place.project_id

    @property
    def authority(self) -> str:
        """``AZURE_AUTHORITY_HOST``: the token endpoint is ``{authority}/{tenant}/oauth2/v2.0/token``."""
        return self._root

    @property
    def pat(self) -> str:
        """The one personal access token that is valid."""
        return self._state.identities.pat

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every bearer token that was issued and not revoked."""
        return self._state.identities.tokens

    # --- pipelines and runs ------------------------------------------------------------------------------------

    def add_pipeline(
        self,
        name: str,
        definition: str,
        work: Work | None = None,
        agent: AgentSettings | None = None,
        source: Source | None = None,
    ) -> Pipeline:
        """Import a pipeline from YAML text; its ``parameters:`` are what a run may send.

        Its steps are executed on an ``agent``, unless ``work`` says what a run does. Each pool that a definition names
        has one machine, whose files and processes outlive a run. Raises ``RefusedError`` for a
        definition that cannot be read.
        """
        chosen = source or Source()
        root = load(definition, chosen.yaml_file)
        executed = Executed(agent or _this_machine(), self._machines, self.organization_url, self.project)
        maker = executed if work is None else WorkFor(work)
        return self._state.add_pipeline(name, definition, root, declared(root), maker, chosen)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, the newest first."""
        return self._state.runs

    def wait_for_run(self, seconds: float = 10.0, count: int = 1) -> Run:
        """The newest run, once there are ``count``. Raises ``TimeoutError``."""
        with self._state.run_added:
            if not self._state.run_added.wait_for(lambda: len(self.runs) >= count, seconds):
                raise TimeoutError(f"no run within {seconds} s")
        return self.runs[0]

    def start_run(self, pipeline: Pipeline, parameters: Mapping[str, object], work: Work) -> Run:
        """Start a run that no client asked for, such as somebody else's."""
        run = self._state.new_run(pipeline, parameters)
        self._state.start(run, work)
        return run

    # --- requests and faults -----------------------------------------------------------------------------------

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request that arrived whole, with the status that was answered (None: hung up)."""
        return self._state.requests

    def count(self, operation: Operation) -> int:
        """How many requests asked for this operation."""
        return sum(received.request.operation is operation for received in self.requests)

    def fail(self, name: str, times: int | None = -1, after: int = 0) -> None:
        """Let the fault of this name happen (see ``faults.FAULTS``); -1 is as often as it commonly does."""
        chosen = injections(name, self._state.place)
        if times != -1:
            chosen = tuple(replace(each, times=times) for each in chosen)
        self._state.inject(tuple(replace(each, after=after) for each in chosen))

    def inject(self, *faults: Fault, on: Iterable[Operation] = (), times: int | None = 1, after: int = 0) -> None:
        """Let these faults happen, one after the other, each ``times`` (None: for ever)."""
        operations = frozenset(on)
        self._state.inject(tuple(Injection(fault, operations, times, after) for fault in faults))

    def heal(self) -> None:
        """Forget every fault that is still to come."""
        self._state.heal()

    def expire_tokens(self) -> None:
        """End every bearer token that was issued so far."""
        self._state.identities.revoke_tokens()


def _this_machine() -> AgentSettings:
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return AgentSettings(environment={name: os.environ[name] for name in kept if name in os.environ})
