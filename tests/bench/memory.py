"""How much memory the tool takes while BuildKit prints 1 GiB.

By default a stand-in on ``PATH`` prints it as structured progress, as fast as it can, and then becomes the real
buildctl, so that the run ends as every run does. With ``--full`` a ``RUN`` step prints it through BuildKit, which takes
longer and proves the same.
"""

import re
import subprocess
import time
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.pairs import Run
from tests.bench.workshop import Workshop
from tests.programs import require
from tests.progress_lines import line, log

BYTES = 1 << 30
_LINE = "a line as long as compilers like to print them " * 2 + "\n"
_MESSAGE = line(logs=[log("sha256:7", 64 * _LINE.encode())]).decode().rstrip("\n")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_LOOK_EVERY = 0.01


def memory(workshop: Workshop, *, full: bool) -> Figure:
    """The largest resident size of the tool's own process."""
    run = _through_buildkit(workshop) if full else _from_a_stand_in(workshop)
    peak = peak_mebibytes(run)
    printed = max(log.stat().st_size for log in (workshop.folder / "logs").glob("build_loud*.log"))
    # A quarter of structured progress is base64 and the JSON around it.
    if printed < (BYTES if full else BYTES // 3 * 2):
        raise RuntimeError(f"the log file holds {printed} bytes, fewer than were printed")
    return Figure("memory while BuildKit prints 1 GiB" + (" (real)" if full else ""), peak, 100.0, " MiB")


def _from_a_stand_in(workshop: Workshop) -> Run:
    folder = workshop.folder / "stand-in"
    folder.mkdir()
    script = folder / "buildctl"
    script.write_text(
        f"#!/bin/sh\nyes '{_MESSAGE}' | head -c {BYTES} >&2\necho >&2\nexec '{require('buildctl')}' \"$@\"\n"
    )
    script.chmod(0o755)
    context = workshop.context("loud", 'RUN ["/bin/busybox", "echo", "hello"]')
    return workshop.tool(context, path=str(folder))


def _through_buildkit(workshop: Workshop) -> Run:
    loud = f"/bin/busybox yes '{_LINE.strip()}' | /bin/busybox head -c {BYTES}; echo"
    return workshop.tool(workshop.context("loud", f'RUN ["/bin/busybox", "sh", "-c", "{loud}"]'))


def peak_mebibytes(run: Run) -> float:
    """The largest resident size of one process.

    Read from /proc while it runs: what ``wait4`` tells would count its children, and ours before it was loaded.
    """
    peak = 0
    with subprocess.Popen(
        run.command,
        env=dict(run.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            found = _PEAK.search(status.read_text())
            peak = max(peak, int(found[1])) if found else peak
            time.sleep(_LOOK_EVERY)
    if process.returncode != 0 or not peak:
        raise RuntimeError(f"image-builder ended with exit code {process.returncode}")
    return peak / 1024
