"""How fast BuildKit's structured progress is rendered, and how much memory that takes.

A ``RUN`` step prints lines as long as those of compilers through a real BuildKit. What ``buildctl`` writes is recorded,
and a process of its own renders it again and again, up to 1 GiB: ``python -m tests.bench.rendering FILE``.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from image_builder_adapters.buildkit.progress import ProgressReader

from tests.bench.figure import Figure
from tests.programs import require

if TYPE_CHECKING:
    from tests.bench.workshop import Workshop

BYTES = 1 << 30
_PRINTED = 48 << 20
_LINE = "[ 42%] Building CXX object src/some/module/CMakeFiles/target.dir/a_file_with_a_name.cpp.o"
_BLOCK = 64 * 1024  # as the reader of a child's output hands over


def rendering(workshop: "Workshop") -> Iterator[Figure]:
    """Megabytes in a second of processor time, and the largest resident size."""
    recorded = _recorded(workshop)
    command = (sys.executable, "-m", "tests.bench.rendering", str(recorded))
    measured = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    recorded.unlink()
    speed = measured["bytes"] / 1e6 / measured["seconds"]
    yield Figure("rendering 1 GiB of structured progress", speed, 50.0, " MB/s", is_minimum=True)
    yield Figure("memory while it is rendered", measured["peak"], 48.0, " MiB")


def _recorded(workshop: "Workshop") -> Path:
    """The progress of one build, without its end: rendered again, the end would end the step."""
    loud = f"/bin/busybox yes '{_LINE}' | /bin/busybox head -c {_PRINTED}"
    context = workshop.context("rendered", f'RUN ["/bin/busybox", "sh", "-c", "{loud}"]')
    command = (
        *(require("buildctl"), "build", "--progress=rawjson", "--frontend=dockerfile.v0", "--no-cache"),
        *("--local", f"context={context}", "--local", f"dockerfile={context}"),
    )
    file = workshop.folder / "progress.json"
    with file.open("wb") as written:
        subprocess.run(command, env=dict(workshop.environment), stderr=written, check=True)
    return file


def main(file: str) -> None:
    """Render the recorded progress up to 1 GiB, and print what that took as JSON."""
    done, shown = 0, 0

    def sink(lines: bytes) -> None:
        nonlocal shown
        shown += len(lines)

    reader = ProgressReader(sink, lambda _: None)
    started = time.process_time()
    while done < BYTES:
        with open(file, "rb", buffering=0) as recorded:
            while block := recorded.read(_BLOCK):
                reader(block)
                done += len(block)
    reader.finish()
    seconds = time.process_time() - started
    if shown < done // 2:
        raise RuntimeError(f"only {shown} bytes were rendered of {done}")
    # Not `ru_maxrss`, which counts the process that started this one, too.
    peak = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    sys.stdout.write(json.dumps({"bytes": done, "seconds": seconds, "peak": int(peak[0]) / 1024}))


if __name__ == "__main__":
    main(sys.argv[1])
