"""
How far a scripted run is: a bar at the bottom of a terminal, or a plain line now and then.

tqdm draws the bar and does nothing else: its own output would bring a monitor thread, a lock of `multiprocessing`,
and writes that other lines tear. It is imported with the first bar, which takes some 65 ms.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from geppetto.cli.screen import PARTING_PATIENCE_S, STDERR_FD, write_all, write_stderr
from geppetto.pricing.cost import dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from geppetto.batch.result import Result

LINE_EVERY_S: Final = 10.0
"""How often the plain line comes."""
DRAW_EVERY_S: Final = 0.1
"""How often a result may draw the bar anew; a tick always does."""
_LEAST_S: Final = 1.0
"""How long a run must have gone on before its pace says anything."""
_MIN_BAR_COLUMNS: Final = 10
_FALLBACK_COLUMNS: Final = 80
_SEPARATOR: Final = " · "


class Progress:
    """
    Counts results and shows the count. Any thread may call it; every call blocks as long as stderr does.

    Whoever writes to the same terminal does so by `write_above` or within `above`, so that no line is torn. It has no
    thread and no clock of its own: `tick` lets it know that time goes by.
    """

    def __init__(
        self,
        *,
        bar: bool,
        now: Callable[[], float],
        total: int | None = None,
        skipped: int = 0,
        write: Callable[[str], None] = write_stderr,
        columns: Callable[[], int] | None = None,
    ) -> None:
        """
        Begin to count, and show nothing yet.

        Args:
            bar: Whether stderr is a terminal that a bar can stand on; else there are plain lines.
            now: A clock that never goes back, in seconds.
            total: Questions of the whole run; None while they stream in, and then there is no time left to tell.
            skipped: Those of them that an earlier run has answered.
            write: Writes to stderr.
            columns: Tells the width of the terminal; asked each time, because people change it.
        """
        self.total = total
        """May be set when it becomes known."""
        self.skipped = skipped
        """May be set as questions are found to be answered."""
        self.done = 0
        self.failed = 0
        self._audio_ms = 0
        self._usd: Decimal | None = None
        self._bar = bar
        self._now = now
        self._write = write
        self._columns = columns or _terminal_columns
        self._started_at = self._draw_at = now()
        self._next_line_at = self._started_at + LINE_EVERY_S
        self._drawn = 0
        """Columns of the bar on the screen; 0 when there is none."""
        self._line_open = False
        """Whether what was written above has no line break at its end yet: then the bar waits."""
        self._closed = False
        self._lock = threading.RLock()

    def count(self, result: Result) -> None:
        """Take *result* into account."""
        with self._lock:
            if result.answered:
                self.done += 1
            else:
                self.failed += 1
            self._audio_ms += result.audio_ms
            if result.cost is not None:
                self._usd = (self._usd or Decimal(0)) + result.cost.usd
            if self._bar and self._now() >= self._draw_at:
                self._draw()

    def tick(self) -> None:
        """Draw the bar anew, or write a plain line when one is due."""
        with self._lock:
            if self._bar:
                self._draw()
            elif not self._closed and self._now() >= self._next_line_at:
                self._next_line_at = self._now() + LINE_EVERY_S
                self._say()

    def write_above(self, text: str) -> None:
        """Write *text* to stderr above the bar; while its last line has no end, the bar waits for the rest."""
        if not text:
            return
        with self.above():
            self._write(text)
            self._line_open = not text.endswith("\n")

    @contextmanager
    def above(self) -> Iterator[None]:
        """Take the bar away while somebody writes whole lines to the terminal; others wait meanwhile."""
        with self._lock:
            if self._drawn:
                self._write(self._wipe())
                self._drawn = 0
            try:
                yield
            finally:
                if self._bar:
                    self._draw()

    def close(self) -> None:
        """
        Take the bar away and leave the cursor at the start of its line; without a bar, write the last line.

        Does nothing twice. A terminal that takes nothing (Ctrl+S) holds it up for a second at the most.
        """
        if not self._lock.acquire(timeout=PARTING_PATIENCE_S):
            return  # another thread is stuck in a write
        try:
            if self._closed:
                return
            self._closed = True
            if not self._bar:
                self._say()
            elif self._drawn:
                self._part(self._wipe())
                self._drawn = 0
        finally:
            self._lock.release()

    # --- what it says

    @property
    def _finished(self) -> int:
        return self.skipped + self.done + self.failed

    def _pieces(self) -> list[tuple[int, str]]:
        """Return what there is to say, each with its rank: a narrow line does without the highest ones."""
        elapsed_s = max(0.0, self._now() - self._started_at)
        told = self.done + self.failed
        count = f"{self.skipped + self.done:,}" + (f" of {self.total:,}" if self.total else "")
        pieces = [(0, f"{count} done")]
        if self.failed:
            pieces.append((1, f"{self.failed:,} failed"))
        if told and elapsed_s >= _LEAST_S:
            pieces.append((4, _rate(told / elapsed_s)))
        if self._audio_ms:
            pieces.append((5, f"{self._audio_ms / 1000:,.0f} s of audio"))
        if self._usd:
            pieces.append((3, dollars(self._usd)))
        if not self.total:
            pieces.append((6, _interval(elapsed_s)))
        elif told and elapsed_s >= _LEAST_S and (left := self.total - self._finished) > 0:
            pieces.append((2, f"{_interval(left * elapsed_s / told)} left"))
        return pieces

    def _say(self) -> None:
        self._write(f"  {_joined(self._pieces())}\n")

    # --- the bar

    def _draw(self) -> None:
        """
        Draw the bar over the last one, in one write.

        The cursor goes back to its beginning: there the terminal's echo of a key (`^C`) is wiped with the bar, while
        at its end it would begin another line, and the bar would stay.
        """
        if self._closed or self._line_open:
            return
        self._draw_at = self._now() + DRAW_EVERY_S
        columns = self._room()
        line = self._line(columns)
        self._write(f"\r{line}{' ' * (min(self._drawn, columns) - len(line))}\r")
        self._drawn = len(line)

    def _line(self, columns: int) -> str:
        """Return the bar for *columns* columns; every character of it takes one."""
        pieces = self._pieces()
        total = self.total
        bar_columns = len("100%|| ") + _MIN_BAR_COLUMNS if total else 0
        while len(pieces) > 1 and len(_joined(pieces)) + bar_columns > columns:
            pieces.remove(max(pieces))
        text = _joined(pieces)
        if not total or len(text) + bar_columns > columns:
            return text[:columns]
        from tqdm import tqdm

        return tqdm.format_meter(
            n=min(self._finished, total),
            total=total,
            elapsed=0,  # rate and time left are ours: what was skipped took no time
            ncols=columns,
            bar_format=f"{{percentage:3.0f}}%|{{bar}}| {text}",
        )

    def _wipe(self) -> str:
        return f"\r{' ' * min(self._drawn, self._room())}\r"

    def _room(self) -> int:
        return max(0, self._columns() - 1)  # behind a character in the last column some terminals wrap

    def _part(self, text: str) -> None:
        if self._write is not write_stderr:
            self._write(text)
            return
        try:
            write_all(STDERR_FD, text, patience_s=PARTING_PATIENCE_S)
        except OSError:
            return  # nobody is there


def _joined(pieces: list[tuple[int, str]]) -> str:
    return _SEPARATOR.join(text for _, text in pieces)


def _rate(per_s: float) -> str:
    return f"{per_s:.1f}/s" if per_s >= 1 else f"{1 / per_s:.1f} s each"


def _interval(seconds: float) -> str:
    """Return `MM:SS`, or `H:MM:SS` from an hour on."""
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest_s:02d}" if hours else f"{minutes:02d}:{rest_s:02d}"


def _terminal_columns() -> int:
    try:
        return os.get_terminal_size(STDERR_FD).columns or _FALLBACK_COLUMNS
    except OSError:
        return _FALLBACK_COLUMNS
