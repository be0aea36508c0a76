"""The mode ``schema``: print the JSON Schema of the configuration file."""

import json

from image_builder_domain.problem import Problems
from returns.result import Result, Success

from image_builder.container import configuration_schema
from image_builder.session import Ending, Session, Work


def decide(session: Session) -> Result[Work, Problems]:
    """Nothing is read."""

    def carry_out() -> Ending:
        text = json.dumps(configuration_schema(), indent=2)
        return Ending(result=lambda: session.console.result(text))

    return Success(Work(carry_out=carry_out))
