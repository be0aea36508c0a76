"""The Azure DevOps adapter keeps the contract of a remote pipeline, however it signs in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from image_builder_contracts.remote_pipeline import PipelineBench, RemotePipelineContract

from tests.contract.pipeline_bench import ASSERTION, bench, stage


class TestAzureDevOps(RemotePipelineContract):
    @pytest.fixture(params=["pat", "client-secret", "federated"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipelineBench]:
        with stage(request.param, folder=tmp_path) as made:
            yield bench(made, secret=ASSERTION if request.param == "federated" else None)
