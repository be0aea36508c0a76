"""The Azure DevOps adapter keeps the contract of a remote pipeline, however it signs in; and the contract bites."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from image_builder_contracts.remote_pipeline import PipelineBench, RemotePipelineContract
from image_builder_contracts.servers.azure_devops.service import AzureDevOps

from tests.contract.pipeline_bench import Stage, bench

ASSERTION = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl"


def environment(service: AzureDevOps, kind: str, folder: Path) -> dict[str, str]:
    if kind == "pat":
        return {"ADO_PAT": service.pat}
    principal = {
        "AZURE_TENANT_ID": service.principal.tenant,
        "AZURE_CLIENT_ID": service.principal.client,
        "AZURE_AUTHORITY_HOST": service.authority,
    }
    if kind == "client-secret":
        return {**principal, "AZURE_CLIENT_SECRET": service.principal.secret}
    file = folder / "token"
    file.write_text(ASSERTION + "\n")
    return {**principal, "AZURE_FEDERATED_TOKEN_FILE": str(file)}


class TestAzureDevOps(RemotePipelineContract):
    @pytest.fixture(params=["pat", "client-secret", "federated"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipelineBench]:
        with AzureDevOps.start() as service:
            made = Stage(service, environment(service, request.param, tmp_path))
            yield bench(made, secret=ASSERTION if request.param == "federated" else None)
            made.adapter.close()
