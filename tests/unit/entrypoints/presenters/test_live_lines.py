"""Live lines on a small screen that understands what they write."""

import re
import threading
from typing import final

import pytest
from image_builder.presenters.live_lines import LiveLine, LiveLines, terminal_size


@final
class Screen:
    """Rows of a terminal; knows line feed, carriage return, 'one up' and 'clear to the end of the line' only."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.height = columns, rows
        self._rows, self._row, self._column = [""], 0, 0

    def write(self, data: bytes) -> None:
        for part in re.findall(r"\x1b\[[KA]|[\r\n]|[^\x1b\r\n]+", data.decode()):
            self._obey(part)

    def _obey(self, part: str) -> None:
        if part == "\r":
            self._column = 0
        elif part == "\n":  # the terminal driver adds the carriage return
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._rows):
                self._rows.append("")
        elif part == "\x1b[A":
            assert self._row > len(self._rows) - self.height, "above the screen"
            self._row -= 1
        elif part == "\x1b[K":
            self._rows[self._row] = self._rows[self._row][: self._column]
        else:
            row = self._rows[self._row].ljust(self._column)
            self._rows[self._row] = row[: self._column] + part + row[self._column + len(part) :]
            self._column += len(part)
            assert self._column < self.columns, "the line would wrap"

    def size(self) -> tuple[int, int]:
        return self.columns, self.height

    @property
    def rows(self) -> list[str]:
        """Without what time makes of them."""
        return [re.sub(r" +\d+ s  ", " | ", row).rstrip(" |") for row in self._rows]


def test_each_build_has_its_line_and_takes_it_away() -> None:
    screen = Screen()
    live = LiveLines(screen.write, screen.size)
    one, two = live.begin("building one"), live.begin("building two")
    one.at("[2/3] RUN make")
    live.print(b"a message\n")
    assert screen.rows == ["a message", "building one | [2/3] RUN make", "building two"]
    live.end(one)
    assert screen.rows == ["a message", "building two", ""]
    live.print(b"another\n")
    live.end(two)
    assert screen.rows == ["a message", "another", ""]


def test_lines_can_begin_again_after_the_last_one_ended() -> None:
    screen = Screen()
    live = LiveLines(screen.write, screen.size)
    live.end(live.begin("one"))
    second = live.begin("two")
    assert screen.rows == ["two"]
    live.end(second)
    live.end(second)
    assert screen.rows == [""]


def test_no_more_lines_than_the_screen_has() -> None:
    screen = Screen(rows=5)
    live = LiveLines(screen.write, screen.size)
    lines = [live.begin(f"build {number}") for number in range(9)]
    live.print(b"message\n")
    assert screen.rows == ["message", "build 0", "build 1", "build 2", "and 6 more"]
    for line in lines[:6]:
        live.end(line)
    assert screen.rows == ["message", "build 6", "build 7", "build 8", ""]


def test_no_line_is_wider_than_the_screen() -> None:
    screen = Screen(columns=20)
    live = LiveLines(screen.write, screen.size)
    line = live.begin("building a long name of an image")
    line.at("[1/2] COPY and many more words than this screen has room for")
    live.print(b"m\n")
    live.end(line)


def test_a_step_shows_no_foreign_control_characters() -> None:
    screen = Screen()
    live = LiveLines(screen.write, screen.size)
    line = live.begin("x")
    line.at("[1/2] RUN \x1b[2J\x07é\n")
    live.print(b"")
    assert screen.rows == ["x | [1/2] RUN ?[2J???"]
    live.end(line)


def test_many_threads_leave_a_clean_screen() -> None:
    screen = Screen()
    live = LiveLines(screen.write, screen.size)

    def build(name: str) -> None:
        line = live.begin(name)
        for number in range(50):
            live.print(f"{name} {number}\n".encode())
        live.end(line)

    threads = [threading.Thread(target=build, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [row for row in screen.rows if row]
    assert sorted(rows) == sorted(f"{name} {number}" for name in "abcd" for number in range(50))


def test_a_terminal_of_unknown_size_has_80_columns_and_24_rows() -> None:
    assert terminal_size(-1) == (80, 24)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'time="2026-01-02T03:04:05Z" level=info msg="RUN echo \\"x\\" y"\n', id="text"),
        pytest.param(b'{"level":"info","msg":"RUN echo \\"x\\" y","time":"2026-01-02T03:04:05Z"}\n', id="json"),
        pytest.param(b'\x1b[36mINFO\x1b[0m[0003] RUN echo \\"x\\" y \n', id="color"),
    ],
)
def test_a_live_line_names_kanikos_step_in_each_log_format(line: bytes) -> None:
    shown = LiveLine("building app")
    shown.show(b"before\n" + line + line.replace(b"RUN echo", b"Taking snapshot of"))
    assert shown.text().endswith('s  RUN echo \\"x\\" y')
