"""What runs of the stand-in service do in tests, and how their lines are distinguished."""

from collections.abc import Callable

from image_builder_domain.remote_pipeline import Verdict
from image_builder_domain.report.pipeline_log import without_timestamps

LINES = [f"line {number}" for number in range(200)]
REPORT = [
    "---IMAGE BUILD REPORT---",
    '{"status": "ours", "pushed": true, "signed": true}',
    "---END OF IMAGE BUILD REPORT---",
]


def talk(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
    for line in (*LINES, *REPORT):
        write(line)
    return Verdict.SUCCEEDED


def until_canceled(_write: Callable[[str], None], canceled: Callable[[float], bool]) -> Verdict:
    return Verdict.CANCELED if canceled(20) else Verdict.FAILED


def own_lines(blocks: list[bytes]) -> list[str]:
    text = without_timestamps(b"".join(blocks)).decode("utf-8", "replace")
    return [line for line in text.split("\n") if line.startswith("line ")]
