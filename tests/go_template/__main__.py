"""``python -m tests.go_template``: ask Go again and write ``recorded.json``; needs ``go`` on ``PATH``.

``python -m tests.go_template 50000 [seed]`` instead compares so many templates at random with Go, and prints every
difference; exit code 1 when there was one.
"""

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.go_template.grammar import Grammar
from tests.go_template.recorded import RECORDED, generated, written
from tests.go_template.reference import Go, difference, is_own_limit, running

_GENERATED = 2_200


def main() -> int:
    """See the top of this file."""
    go = shutil.which("go")
    if go is None:
        sys.stderr.write("go is not on PATH\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, running(go, Path(folder), Path(folder, "cache")) as program:
        if len(sys.argv) > 1:
            return _compare(program, int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
        _record(program)
        return 0


def _record(program: Go) -> None:
    sources = dict.fromkeys((*written(), *generated(_GENERATED)))
    lines = ",\n".join(json.dumps([source, program.ask(source).text]) for source in sources)
    RECORDED.write_text(f"[\n{lines}\n]\n")


def _compare(program: Go, count: int, seed: int | None) -> int:
    chance = random.Random(seed)
    texts = limits = differences = 0
    for _ in range(count):
        source = Grammar(chance.choice).template()
        answer = program.ask(source)
        texts += answer.text is not None
        limits += answer.text is not None and is_own_limit(source)
        if found := difference(source, answer):
            differences += 1
            sys.stdout.write(f"{found}\n")
    sys.stdout.write(f"{count} templates: Go gave a text for {texts}, {limits} of them beyond our limits\n")
    sys.stdout.write(f"{differences} differences\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
