"""The URLs of one pipeline and its runs, made from the configuration and from numbers.

URLs in answers are never followed: they may name another host, which would then receive the credential. Source: Azure
DevOps REST API, Pipelines and Build.
"""

from dataclasses import dataclass
from typing import final
from urllib.parse import quote, urlencode

from image_builder_domain.configuration.ado import AdoSettings


@final
@dataclass(frozen=True, slots=True)
class PipelineUrls:
    """The URLs of one pipeline and its runs."""

    settings: AdoSettings

    def start(self) -> str:
        """POST: start a run."""
        return self._pipeline("runs", **self._version())

    def preview(self) -> str:
        """POST: expand the definition."""
        return self._pipeline("preview", **self._version())

    def builds(self, most: int, since: str | None = None) -> str:
        """GET: at most so many builds of the pipeline, the newest first, queued after a time if it is given."""
        query = {"definitions": self.settings.pipeline_id, "queryOrder": "queueTimeDescending", "$top": most}
        return self._api("build/builds", **query, **({} if since is None else {"minTime": since}))

    def run(self, number: int) -> str:
        """GET: a run."""
        return self._pipeline(f"runs/{number}")

    def build(self, number: int) -> str:
        """GET: a run as a build; PATCH cancels it."""
        return self._api(f"build/builds/{number}")

    def timeline(self, number: int) -> str:
        """GET: the records of a run."""
        return self._api(f"build/builds/{number}/timeline")

    def logs(self, number: int) -> str:
        """GET: the list of a run's logs."""
        return self._api(f"build/builds/{number}/logs")

    def log(self, number: int, log: int, start_line: int | None) -> str:
        """GET: the lines of a log, from ``start_line`` (the first is 1) if it is given."""
        first = {} if start_line is None else {"startLine": start_line}
        return self._api(f"build/builds/{number}/logs/{log}", **first)

    def approval(self, identifier: str) -> tuple[str, ...]:
        """GET: an approval with its steps; the second URL is for a service that has only a preview of this version."""
        return self._with_preview(f"pipelines/approvals/{quote(identifier, safe='')}", **{"$expand": "steps"})

    def queue(self, number: int) -> tuple[str, ...]:
        """GET: an agent queue, which has the name of its pool; with a second URL as for approvals."""
        return self._with_preview(f"distributedtask/queues/{number}")

    def page(self, number: int) -> str:
        """The page of a run, for people."""
        return f"{self._project()}/_build/results?buildId={number}"

    def pipeline_page(self) -> str:
        """The page of the pipeline's runs, for people."""
        return f"{self._project()}/_build?definitionId={self.settings.pipeline_id}"

    def _pipeline(self, rest: str, **query: object) -> str:
        return self._api(f"pipelines/{self.settings.pipeline_id}/{rest}", **query)

    def _api(self, path: str, **query: object) -> str:
        return f"{self._project()}/_apis/{path}?{urlencode({'api-version': self.settings.api_version, **query})}"

    def _with_preview(self, path: str, **query: object) -> tuple[str, ...]:
        version = self.settings.api_version
        versions = (version,) if "preview" in version else (version, f"{version}-preview")
        return tuple(self._api(path, **{"api-version": each, **query}) for each in versions)

    def _project(self) -> str:
        return f"{self.settings.organization_url}/{quote(self.settings.project, safe='')}"

    def _version(self) -> dict[str, object]:
        version = self.settings.pipeline_version
        return {} if version is None else {"pipelineVersion": version}
