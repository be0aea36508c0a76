"""The mode ``tags``: print the tags of this job as one line of JSON, and write them to ``--tags-output-file``."""

import json
from typing import TYPE_CHECKING

from image_builder_adapters.console_text import harmless_json
from image_builder_adapters.redaction import Redactor
from image_builder_domain.plan.tags import decide_tags, tag_warnings
from image_builder_domain.problem import Problems
from image_builder_domain.tag import Tag
from returns.result import Failure, Result

from image_builder.container import open_evidence_files
from image_builder.session import Ending, Session, Work

if TYPE_CHECKING:
    from image_builder_domain.plan.inputs import TagInputs


def decide(session: Session) -> Result[Work, Problems]:
    """The tags of a build with the same command line."""
    inputs = session.reader.tag_inputs()
    return decide_tags(inputs).map(lambda tags: _work(tags, inputs, session))


def _work(tags: tuple[Tag, ...], inputs: "TagInputs", session: Session) -> Work:
    found = [{"name": tag.name, "value": tag.value} for tag in tags]
    line = harmless_json(json.dumps(found, separators=(",", ":")))
    return Work(
        job=inputs.job.value_or(None),
        warnings=tag_warnings(inputs),
        carry_out=lambda: Ending(result=lambda: session.console.names(line), lost=_copied(line, session)),
    )


def _copied(line: str, session: Session) -> tuple[str, ...]:
    """Why the copy in a file is lost. The names are to be published: nothing in them is hidden."""
    path = session.options.tags_output_file
    if path is None:
        return ()
    written = open_evidence_files("", Redactor(), session.options.context).write(path, f"{line}\n".encode())
    return (str(written.failure()),) if isinstance(written, Failure) else ()
