"""What the configuration says of the Azure DevOps backend (specification, sections 2 and 7)."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class AdoSettings:
    """One pipeline and how it is asked.

    ``organization_url`` has no slash at its end. ``pipeline_version`` is the revision of the definition, None for the
    newest. ``attempts`` counts the first one in, ``delay_seconds`` is the first pause between two of them.
    ``parameters`` is ``v1`` or ``v2``, the contract of the pipeline's template parameters.
    """

    organization_url: str
    project: str
    pipeline_id: int
    pipeline_version: int | None = None
    attempts: int = 3
    delay_seconds: float = 5.0
    refresh_seconds: float = 15.0
    parameters: str = "v1"
