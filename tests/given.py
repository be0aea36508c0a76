"""Builders of values that tests of several areas need."""

from datetime import UTC, datetime
from typing import Any

from image_builder_adapters.kaniko.engine_type import KanikoKeys
from image_builder_adapters.plugins import ENGINE_CHOICE, engines, signers
from image_builder_domain.build import PlannedBuild
from image_builder_domain.configuration.keys import Configuration, configuration
from image_builder_domain.engine_type import EngineDecision
from image_builder_domain.plan.backend import choose_engine
from image_builder_domain.plan.build import Plan
from image_builder_domain.plan.inputs import Inputs, TagInputs
from image_builder_domain.problem import Problems
from image_builder_domain.source.build_source import Source
from image_builder_domain.trust.checkout import CheckoutFacts
from image_builder_domain.trust.side import Job
from returns.result import Result, Success

from tests.jobs import claimed_checkout
from tests.unit.yaml_document import document

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SOURCE = Source("/src", "Dockerfile")
COMPLETE = """\
registry: [reg.example/prod]
dev-registry: reg.example/dev
pr-tags-in-registry: false
production-refs: {"*": [main], acme/demo: [main, refs/tags/main, release/*]}
unprotected-refs: true
repository-hosts: [github.com]
local-publishes: true
default-commit-tag: {name: commit, value: "v{{ .ShortSHA }}", validation: v.+}
default-pr-tag: PR-{{ .PRNumber }}
default-merge-group-tag: queue
additional-pr-tag: latest-pr
moving-tags: [latest, stable-*]
immutable-tags: [v*]
cache:
  enabled: true
  cache-repo: reg.example/cache
  dev-cache-repo: reg.example/dev/cache
  cache-run-layers: true
  cache-copy-layers: false
publish: {tags: after-signing}
reproducible: true
log-format: json
sign-config:
  enabled-signers: {"*": [notary, cosign]}
  signers:
    - name: notary
      type: notary
      job-type: [postsubmit]
      config:
        endpoint: https://sign.example/sign
        timeout: 10s
        retry-timeout: 1s
        secret: {path: /secret, type: mtls}
    - name: cosign
      type: cosign
      config:
        key: /keys/cosign.key
        public-key: /keys/cosign.pub
        signing-config: /keys/config.json
        trusted-root: /keys/root.json
        transparency-log: false
ado-config:
  ado-organization-url: https://dev.azure.example/acme
  ado-project-name: demo
  ado-pipeline-id: 12
  ado-pipeline-version: 3
  ado-retry-strategy: {attempts: 3, delay: 5s}
  ado-refresh-interval: 15s
  parameters: v2
"""
"""A configuration with every mapping and every key."""


def loaded(text: str, file: str = "config.yaml") -> Result[Configuration, Problems]:
    """The configuration of a YAML text, with every installed engine and signer."""
    return configuration(document(text, file), file, engines=engines(), signers=signers())


def build_inputs(
    tags: TagInputs,
    source: Source = SOURCE,
    commit_time: int | None = 1700000000,
    checkout: CheckoutFacts | None = None,
) -> Inputs:
    """Inputs of a build: the engine that the command line chooses, and a checkout of the claimed commit."""
    engine = choose_engine(tags.asked.backend, tags.asked.build_in_ado, tags.environment, ENGINE_CHOICE, engines())
    claimed = tags.git_state.map(claimed_checkout).value_or(CheckoutFacts())
    return Inputs(tags, engine, Success(source), commit_time, checkout=checkout or claimed)


def plan_of(job: Job, *builds: PlannedBuild, **more: Any) -> Plan:
    """A plan of kaniko for these builds, which no signer signs; ``more`` sets other fields."""
    values: dict[str, Any] = {"tags": (), "signers": (), "not_signed": "", "warnings": ()} | more
    return Plan(
        "app", job, builds=builds, backend="kaniko", title="kaniko", engine=EngineDecision(KanikoKeys()), **values
    )
