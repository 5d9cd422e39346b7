"""
How long the program takes to start, and to answer one question from its start to its end.

The clock runs from the moment in which the process is started to its end, or to the moment in which the server has
its first `session.update`.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import termios
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.findings import Findings
from benchmarks.harness import BOUND_S, geppetto, now_us, peer, place, ratio, rounds, run, started
from benchmarks.loopback import serving
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.loopback import Server

NOTHING = "python -c pass"
CLICK = "python -c 'import click'"
TRIO = "python -c 'import trio, trio_websocket'"
SDK = "openai SDK"
VERSION = "geppetto --version"
HELP = "geppetto --help"
OFFLINE = "geppetto --offline </dev/null"
UPDATE = "exec → first session.update"
EDITABLE = "geppetto --offline at a terminal: exec → what is typed shows"
WARM = "exec → the embedded server is there"
QUESTION = "one question, 1 s of audio, whole process"
TYPED = b"xyzzy"
CONNECTED = b"gpt-realtime"
"""Stands in the status line from then on, of which only what has changed is drawn."""
ROWS = (
    (VERSION, NOTHING, 1.5),
    (VERSION, TRIO, None),
    (HELP, CLICK, 1.5),
    (HELP, NOTHING, None),
    (HELP, TRIO, None),
    (OFFLINE, NOTHING, None),
    (OFFLINE, TRIO, None),
    (UPDATE, NOTHING, None),
    (UPDATE, TRIO, 1.6),
    (UPDATE, f"{SDK}: {UPDATE}", None),
    (EDITABLE, WARM, 1.0),
    (QUESTION, SDK, 0.25),
)
"""Figure, who it is compared with, and the most that the ratio may be."""


def measure(quick: bool) -> Findings:
    """Measure it."""
    n_rounds = 7 if quick else 21
    with serving(1.0) as server:
        contestants: dict[str, Callable[[], float]] = {
            NOTHING: partial(_wall_ms, [sys.executable, "-c", "pass"]),
            CLICK: partial(_wall_ms, [sys.executable, "-c", "import click"]),
            TRIO: partial(_wall_ms, [sys.executable, "-c", "import trio, trio_websocket"]),
            VERSION: partial(_wall_ms, [sys.executable, "-m", "geppetto", "--version"]),
            HELP: partial(_wall_ms, [sys.executable, "-m", "geppetto", "--help"]),
            UPDATE: partial(_until_update_ms, server, geppetto(server.port)),
            f"{SDK}: {UPDATE}": partial(_until_update_ms, server, None),
            QUESTION: partial(_wall_ms, geppetto(server.port, "ask", "What is 6 times 7?")),
            SDK: partial(_peer_wall_ms, server),
        }
        if importlib.util.find_spec("hibari") is not None:
            contestants[OFFLINE] = partial(_wall_ms, [sys.executable, "-m", "geppetto", "--offline"])
            contestants[EDITABLE] = lambda: _at_a_terminal_ms()[0]
            contestants[WARM] = lambda: _at_a_terminal_ms()[1]
        for run_once in contestants.values():
            run_once()  # the first of each reads files that no disk cache has yet
        taken = rounds(contestants, n_rounds, "start")
    rows = tuple(_row(taken, *row) for row in ROWS if row[0] in taken)
    return Findings(rows=rows)


def _row(taken: dict[str, list[float]], figure: str, who: str, most: float | None) -> Row:
    return Row(
        measure="start",
        figure=figure,
        ours=statistics.median(taken[figure]),
        unit="ms",
        peer=who,
        theirs=statistics.median(taken[who]),
        ratio=ratio(taken[figure], taken[who]),
        most=most,
    )


def _wall_ms(command: Sequence[str]) -> float:
    with place() as cwd:
        return run(command, cwd).wall_s * 1000


def _peer_wall_ms(server: Server) -> float:
    with place() as cwd:
        return run(peer("openai_sdk", server.port, cwd / "answer.wav"), cwd).wall_s * 1000


def _until_update_ms(server: Server, command: Sequence[str] | None) -> float:
    """Start Geppetto by *command*, or the SDK, and return how long the server waited for its first event."""
    with place() as cwd:
        seen = len(server.told)
        began_us = now_us()
        chosen = command or peer("openai_sdk", server.port, cwd / "answer.wav")
        with started(chosen, cwd, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            line = server.wait_for("update", seen)
            process.wait(BOUND_S)
        return (float(line["at_us"]) - began_us) / 1000


def _at_a_terminal_ms() -> tuple[float, float]:
    """
    Start the chat with the embedded server at a terminal, and type as soon as there is a prompt.

    Return after how long that showed, and after how long the session stood.
    """
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        with place() as cwd:
            began_us = now_us()
            command = [sys.executable, "-m", "geppetto", "--offline"]
            with started(command, cwd, stdin=theirs, stdout=theirs, stderr=theirs, term="xterm"):
                text, shown_us, typed = b"", 0, False
                while CONNECTED not in text:
                    text += os.read(ours, 1 << 16)
                    if not typed and b"You:" in text:
                        typed = True
                        os.write(ours, TYPED)
                    elif typed and not shown_us and TYPED in text:
                        shown_us = now_us()
                warm_us = now_us()
    finally:
        os.close(ours)
        os.close(theirs)
    return ((shown_us or warm_us) - began_us) / 1000, (warm_us - began_us) / 1000
