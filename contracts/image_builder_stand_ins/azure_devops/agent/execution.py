"""From a pipeline and a run's parameters to work for an agent."""

from collections.abc import Mapping
from typing import final

from image_builder_stand_ins.azure_devops.agent.agent import Agent, AgentSettings
from image_builder_stand_ins.azure_devops.agent.machine import Machines
from image_builder_stand_ins.azure_devops.definition import Definition, read
from image_builder_stand_ins.azure_devops.expression import expand
from image_builder_stand_ins.azure_devops.parameter import Value
from image_builder_stand_ins.azure_devops.preview import rendered
from image_builder_stand_ins.azure_devops.run import Run, Work
from image_builder_stand_ins.azure_devops.state import Pipeline, WorkFor, trace
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError


@final
class Executed(WorkFor):
    """Every run executes the pipeline's definition."""

    def __init__(self, settings: AgentSettings, machines: Machines, collection: str, project: str) -> None:
        self._settings = settings
        self._machines = machines
        self._predefined = {"System.CollectionUri": f"{collection}/", "System.TeamProject": project}

    def prepare(self, pipeline: Pipeline, values: Mapping[str, Value], run: Run) -> Work:
        """Expand the definition; a run's first two logs are what came out, and how."""
        expanded = expand(pipeline.root, dict(values))
        definition = read(expanded)
        self._check_groups(definition)
        run.add_log(rendered(expanded, definition))
        run.add_log(trace(pipeline, values))
        predefined = {**_PREDEFINED, **self._predefined, **_of(pipeline)}
        return Agent(definition, self._settings, self._machines, predefined).work

    def _check_groups(self, definition: Definition) -> None:
        named = [value for name, value in definition.variables if not name]
        missing = [name for name in named if name not in self._settings.groups]
        if missing:
            lines = (
                f"Variable group {name} could not be found. The variable group does not exist or has not been "
                "authorized for use."
                for name in missing
            )
            raise RefusedError("\r\n".join(lines))


def _of(pipeline: Pipeline) -> dict[str, str]:
    source = pipeline.card.source
    return {
        "Build.Repository.Name": source.name,
        "Build.SourceBranch": source.ref,
        "Build.SourceVersion": source.version,
        "Build.DefinitionName": pipeline.card.name,
        "System.DefinitionId": str(pipeline.card.id),
    }


_PREDEFINED = {
    "TF_BUILD": "True",
    "Agent.Name": "Azure Pipelines 1",
    "Agent.OS": "Linux",
    "Agent.JobStatus": "Succeeded",
    "Build.Reason": "Manual",
    "Build.Repository.Provider": "TfsGit",
    "System.HostType": "build",
}
