"""The mode ``schema``: print the JSON Schema of the configuration file."""

import json

from image_builder_domain.problem import Problems
from returns.result import Result, Success

from image_builder.container import configuration_schema
from image_builder.session import Session, Work


def decide(session: Session) -> Result[Work, Problems]:
    """Nothing is read."""
    return Success(Work(show=lambda: session.console.result(json.dumps(configuration_schema(), indent=2))))
