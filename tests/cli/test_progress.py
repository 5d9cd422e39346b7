"""How far a run is, on the screen that a person sees."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from geppetto.batch.result import Result
from geppetto.cli.progress import DRAW_EVERY_S, LINE_EVERY_S, Progress
from geppetto.pricing.cost import Cost

if TYPE_CHECKING:
    from collections.abc import Callable

pyte = pytest.importorskip("pyte")
COST = Cost(usd=Decimal("0.01"), model="m", source="s")
DONE = Result(index=1, id="1", question="q", status="completed", audio_ms=4000, cost=COST)
FAILED = Result(index=2, id="2", question="q", status="failed")


@attrs.define
class Scene:
    """A progress display, its clock, and a terminal that shows what it writes."""

    columns: int = 80
    bar: bool = True
    total: int | None = 100
    skipped: int = 0
    time_s: float = 0.0
    written: list[str] = attrs.field(factory=list)
    progress: Progress = attrs.field(init=False)
    terminal: Any = attrs.field(init=False)
    _stream: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin."""
        self.terminal = pyte.Screen(self.columns, 10)
        self._stream = pyte.Stream(self.terminal)
        self._stream.use_utf8 = True
        self.terminal.set_mode(pyte.modes.LNM)  # as a terminal's driver turns \n into \r\n
        self.progress = Progress(
            bar=self.bar,
            now=lambda: self.time_s,
            total=self.total,
            skipped=self.skipped,
            write=self.write,
            columns=lambda: self.columns,
        )

    def write(self, text: str) -> None:
        """Show *text*."""
        self.written.append(text)
        self._stream.feed(text)

    def shown(self) -> list[str]:
        """Return the lines on the screen, without empty ones at the end."""
        lines = [line.rstrip() for line in self.terminal.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def count(self, *results: Result) -> None:
        """Count *results*, and draw."""
        for result in results:
            self.progress.count(result)
        self.progress.tick()


# --- the bar


def test_the_bar_says_how_far_the_run_is() -> None:
    """Done, failed, rate, audio, cost and time left stand behind a bar as long as there is room."""
    scene = Scene(columns=100)
    scene.time_s = 20.0
    scene.count(*[DONE] * 40, FAILED, FAILED)
    [line] = scene.shown()
    assert line.startswith(" 42%|█")
    assert line.endswith("| 40 of 100 done · 2 failed · 2.1/s · 160 s of audio · $0.4000 · 00:27 left")
    assert len(line) == 99


def test_without_a_total_there_is_no_time_left() -> None:
    """While questions stream in nobody knows how many come; the time that went by stands there instead."""
    scene = Scene(total=None)
    scene.time_s = 3700.0
    scene.count(DONE, FAILED)
    assert scene.shown() == ["1 done · 1 failed · 1850.0 s each · 4 s of audio · $0.0100 · 1:01:40"]
    scene.progress.total = 4
    scene.progress.tick()
    assert scene.shown()[0].endswith("| 1 of 4 done · 1 failed · $0.0100 · 1:01:40 left")


def test_what_was_answered_before_took_no_time() -> None:
    """A run that was taken up begins where the earlier one ended, with the rate of the present one."""
    scene = Scene(total=100, skipped=50)
    scene.time_s = 10.0
    scene.count(*[FAILED] * 10)
    assert scene.shown()[0].startswith(" 60%|")
    assert scene.shown()[0].endswith("50 of 100 done · 10 failed · 1.0/s · 00:40 left")


def test_the_end_is_a_full_bar() -> None:
    """All are done, also when more came than anybody knew of, and there is no time left to tell."""
    scene = Scene(total=2)
    scene.time_s = 1.0
    scene.count(FAILED, FAILED, FAILED)
    assert scene.shown()[0].startswith("100%|")
    assert "left" not in scene.shown()[0]


@pytest.mark.parametrize("total", [None, 1_000_000])
@pytest.mark.parametrize("columns", [*range(1, 40), 60, 79, 80, 81, 200])
def test_every_width_is_one_line(columns: int, total: int | None) -> None:
    """However narrow the terminal, the bar never wraps, and what matters most is what stays."""
    scene = Scene(columns=columns, total=total)
    scene.time_s = 20.0
    scene.count(*[DONE] * 10, FAILED)
    scene.time_s += 1
    scene.count(DONE)
    lines = scene.shown()
    assert len(lines) <= 1
    assert scene.terminal.cursor.y == 0
    assert all(len(line) < columns for line in lines)
    if columns > 30:
        assert "11 of 1,000,000 done" in lines[0] if total else "11 done · 1 failed" in lines[0]
    scene.progress.close()
    assert scene.shown() == []


def test_a_shorter_bar_covers_a_longer_one() -> None:
    """Nothing of the last bar is left behind a shorter one."""
    scene = Scene(total=None)
    scene.time_s = 20.0
    scene.count(DONE)
    scene.progress._usd = Decimal()  # what costs nothing is not told; and the shortest way to a shorter bar
    scene.progress.tick()
    assert scene.shown() == ["1 done · 20.0 s each · 4 s of audio · 00:20"]


def test_a_narrower_terminal() -> None:
    """The next bar has the new width."""
    scene = Scene(columns=80)
    scene.count(DONE)
    scene.columns = 30
    scene.terminal.resize(10, 30)
    scene.progress.tick()
    assert len(scene.shown()) == 1
    assert len(scene.shown()[0]) <= 29


def test_results_do_not_draw_more_often_than_people_see() -> None:
    """A thousand results in no time are one bar; a tick draws always."""
    scene = Scene()
    for _ in range(1000):
        scene.progress.count(DONE)
    assert len(scene.written) == 1
    scene.time_s += DRAW_EVERY_S
    scene.progress.count(DONE)
    assert len(scene.written) == 2
    scene.progress.tick()
    assert len(scene.written) == 3


# --- what others write


def test_lines_of_others_stand_above() -> None:
    """A notice pushes the bar down, whole, and the bar goes on below it."""
    scene = Scene(total=None)
    scene.count(FAILED)
    scene.progress.write_above("  connection lost; reconnecting\n")
    with scene.progress.above():
        scene.write('{"id":"1"}\n')
    assert scene.shown() == ["  connection lost; reconnecting", '{"id":"1"}', "0 done · 1 failed · 00:00"]


def test_the_bar_waits_for_the_end_of_a_line() -> None:
    """Words that arrive piece by piece are not torn, and the bar comes back behind the line break."""
    scene = Scene(total=None)
    scene.count(FAILED)
    scene.progress.write_above("Twelve times ")
    scene.progress.write_above("")
    scene.progress.tick()
    scene.progress.write_above("seven")
    assert scene.shown() == ["Twelve times seven"]
    scene.progress.write_above(".\n")
    assert scene.shown() == ["Twelve times seven.", "0 done · 1 failed · 00:00"]


def test_a_failing_writer_gets_its_bar_back() -> None:
    """An error of whoever writes above is theirs, and the bar is drawn all the same."""
    scene = Scene(total=None)
    scene.count(FAILED)
    with pytest.raises(OSError, match="no"), scene.progress.above():
        raise OSError("no")
    assert scene.shown() == ["0 done · 1 failed · 00:00"]


def test_threads_tear_nothing() -> None:
    """Notices, results and ticks come from several threads; every notice is a line of its own."""
    scene = Scene(total=None)
    scene.terminal.resize(250, 80)

    def run(job: Callable[[int], None]) -> None:
        for number in range(50):
            job(number)

    jobs: list[Callable[[int], None]] = [
        lambda number: scene.progress.write_above(f"a {number}\n"),
        lambda number: scene.progress.write_above(f"b {number}\n"),
        lambda _: scene.count(DONE),
    ]
    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    scene.progress.close()
    assert sorted(scene.shown()) == sorted(f"{name} {number}" for name in "ab" for number in range(50))


# --- the end


def test_the_terminal_is_left_clean() -> None:
    """Nothing is left of the bar, the cursor stands where it stood, and nothing comes after the end."""
    scene = Scene()
    scene.progress.write_above("before\n")
    scene.count(DONE)
    scene.progress.close()
    scene.progress.close()
    scene.progress.tick()
    scene.count(DONE)
    scene.write("after")
    assert scene.shown() == ["before", "after"]


def test_a_run_without_a_result_leaves_nothing() -> None:
    """What was never drawn is not wiped."""
    scene = Scene()
    scene.progress.close()
    assert scene.written == []


# --- plain lines


def test_plain_lines_come_now_and_then() -> None:
    """Where stderr is no terminal there is a whole line every ten seconds, and one at the end."""
    scene = Scene(bar=False, total=4)
    scene.count(DONE)
    scene.time_s = LINE_EVERY_S - 0.01
    scene.progress.tick()
    assert scene.written == []
    scene.time_s = LINE_EVERY_S
    scene.progress.tick()
    scene.progress.tick()
    scene.progress.write_above("  a notice\n")
    scene.count(FAILED, DONE, DONE)
    scene.progress.close()
    scene.progress.close()
    scene.time_s = 10 * LINE_EVERY_S
    scene.progress.tick()
    assert scene.written == [
        "  1 of 4 done · 10.0 s each · 4 s of audio · $0.0100 · 00:30 left\n",
        "  a notice\n",
        "  3 of 4 done · 1 failed · 2.5 s each · 12 s of audio · $0.0300\n",
    ]


# --- a real terminal, a real process

DRAW = """
import sys, time
from geppetto.cli.progress import Progress
progress = Progress(bar=True, now=time.monotonic, total=3)
assert "tqdm" not in sys.modules
progress.tick()
assert ("tqdm" in sys.modules) == (sys.argv[1] == "60")
progress.write_above("a notice\\n")
progress.tick()
import threading
assert threading.active_count() == 1
progress.close()
sys.stderr.write("bye\\n")
"""


@pytest.mark.parametrize("columns", [20, 60])
def test_a_real_terminal(columns: int) -> None:
    """Its width is taken from stderr; tqdm is imported with the first bar there is room for, and starts no thread."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (10, columns))
    with subprocess.Popen(
        [sys.executable, "-c", DRAW, str(columns)], stderr=theirs, stdout=subprocess.PIPE
    ) as process:
        os.close(theirs)
        content = b""
        try:
            while piece := os.read(ours, 4096):
                content += piece
        except OSError:
            pass  # Linux tells the end of a terminal this way
        assert process.wait(20) == 0, content
    os.close(ours)
    terminal = pyte.Screen(columns, 10)
    pyte.ByteStream(terminal).feed(content)
    assert [line.rstrip() for line in terminal.display[:3]] == ["a notice", "bye", ""]
    assert b"0 of 3 done" in content
    assert (b"|" in content) is (columns == 60)


def test_a_stalled_terminal_does_not_hold_the_end() -> None:
    """Whoever is stuck in a write keeps the bar, and the program can go."""
    stuck, free = threading.Event(), threading.Event()

    def write(_text: str) -> None:
        stuck.set()
        assert free.wait(20)

    progress = Progress(bar=True, now=lambda: 0.0, write=write, columns=lambda: 80)
    thread = threading.Thread(target=progress.tick)
    thread.start()
    assert stuck.wait(20)
    progress.close()
    assert thread.is_alive()
    free.set()
    thread.join(20)
