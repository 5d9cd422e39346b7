"""What hostile servers try over an open WebSocket: by frames, by names, and by sheer amount."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from geppetto.errors import ConnectionLost
from geppetto.status import ExitStatus
from tests.fakes.chatting import BOUND_S, chatting
from tests.fakes.program import files_below, open_program
from tests.fakes.scripted_server import answer, audio, created, done, error, scripted_server, tone, words

if TYPE_CHECKING:
    from tests.fakes.scripted_server import Event, Peer, Story

_ENOUGH_BYTES = 64 * 1024 * 1024
"""Much more than anybody may take: what the sockets between hold comes on top of the limit."""


# --- frames


def frame(opcode: int, payload: bytes = b"", *, first: int = 0x80, length: bytes | None = None) -> bytes:
    """Return a frame with any flags and any length."""
    return bytes([first | opcode]) + (length if length is not None else bytes([len(payload)])) + payload


TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
FRAMES = {
    "a reserved bit": frame(TEXT, b"{}", first=0xC0),
    "a reserved opcode": frame(3, b"x"),
    "a reserved control opcode": frame(11, b"x"),
    "a mask": b"\x81\x82\0\0\0\0{}",
    "no UTF-8": frame(TEXT, b'"\xff"'),
    "UTF-8 cut off by a frame": frame(TEXT, b'"\xc3', first=0) + frame(CONTINUED, b'("'),
    "a continuation of nothing": frame(CONTINUED, b"x"),
    "a text inside of a text": frame(TEXT, b"{", first=0) + frame(TEXT, b"{}"),
    "a ping in two parts": frame(PING, b"x", first=0),
    "a long ping": frame(PING, b"x" * 126, length=b"\x7e\x00\x7e"),
    "a length below zero": frame(TEXT, length=b"\x7f" + b"\xff" * 8),
    "a length that is too long": frame(TEXT, b"{}", length=b"\x7f" + bytes(7) + b"\x02"),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a close with a reason of no UTF-8": frame(CLOSE, b"\x03\xe8\xff"),
    "close 0": frame(CLOSE, b"\x00\x00"),
    "close 999": frame(CLOSE, b"\x03\xe7"),
    "close 1005": frame(CLOSE, b"\x03\xed"),
    "HTTP": b"HTTP/1.1 200 OK\r\n\r\n",
}


def putting(raw: bytes) -> Story:
    """Return the story of a server that puts *raw* on the wire, and then the answer."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send_raw(raw)
        await peer.send(*answer("resp_1", "Still here.", tone(10)))
        await peer.client_left()

    return story


@pytest.mark.parametrize("name", FRAMES)
async def test_a_breach_of_the_protocol_ends_the_connection(tmp_path: Path, name: str) -> None:
    """Frames that RFC 6455 forbids are a lost connection, and the sentence says that the protocol was not kept."""
    with pytest.raises(ConnectionLost, match=r"The WebSocket protocol was not kept \(100[27], .+\)\. Start again\."):
        async with chatting(putting(FRAMES[name]), tmp_path) as at:
            await at.chat.ask("a?")


@pytest.mark.parametrize("after", [frame(PING, b"x"), frame(TEXT, b"{}"), frame(CLOSE, b"\x03\xf3"), b"\xff" * 100])
async def test_what_comes_behind_a_close_changes_nothing(tmp_path: Path, after: bytes) -> None:
    """The first Close tells how it ended, whatever is behind it."""
    with pytest.raises(ConnectionLost, match=r"The server closed the connection \(1011\)"):
        async with chatting(putting(frame(CLOSE, b"\x03\xf3") + after), tmp_path) as at:
            await at.chat.ask("a?")


@pytest.mark.parametrize(
    "raw",
    [
        frame(PONG, b"never asked for") * 100,
        frame(PING, b"x") * 1_000,
        frame(BINARY, bytes(100)),
        frame(TEXT, b'{"type":', first=0) + frame(PING, b"x") + frame(CONTINUED, b'"x"}'),
        frame(TEXT, b"{", first=0) + frame(CONTINUED, first=0) * 1_000 + frame(CONTINUED, b"}"),
    ],
    ids=["pongs", "pings", "binary", "a ping inside of a message", "empty frames"],
)
async def test_odd_frames_that_are_allowed_are_survived(tmp_path: Path, raw: bytes) -> None:
    """What RFC 6455 allows is taken, however odd it is, and the answer behind it is whole."""
    async with chatting(putting(raw), tmp_path) as at:
        assert (await at.chat.ask("a?")).text == "Still here."


@pytest.mark.parametrize("fragment", [0, 60_000], ids=["one frame", "fragments"])
async def test_a_message_without_end_is_bounded(tmp_path: Path, fragment: int) -> None:
    """A message that goes on and on is left at the limit, which the sentence names, in one frame or in many."""
    sent = 0

    async def story(peer: Peer) -> None:
        nonlocal sent
        await peer.greet()
        await peer.expect("response.create")
        size = fragment.to_bytes(2, "big")
        more = frame(CONTINUED, b"x" * fragment, first=0, length=b"\x7e" + size) if fragment else b"x" * 65_536
        endless = frame(TEXT, length=b"\x7f" + b"\1".ljust(8, b"\0"))
        await peer.send_raw(frame(TEXT, b"x", first=0) if fragment else endless)
        while sent < _ENOUGH_BYTES:
            await peer.send_raw(more)
            sent += len(more)

    with pytest.raises(ConnectionLost, match=r"over the limit \(1009\).*--max-message-bytes"):
        async with chatting(story, tmp_path, max_message_bytes=1_000_000) as at:
            await at.chat.ask("a?")
    assert sent < _ENOUGH_BYTES


# --- names

EVIL = "../../\x00/etc/\x1b]0;owned\x07\x1b[2J\x9b1m\u202egnp.\u2066\r\n\ud800%n{}"
"""A way up, NUL, what steers terminals (C0, C1), what turns text round, line breaks, half a surrogate."""
NAME = re.compile(
    r"(audio_output/(audio|run)_|logs/Chat:)\d{8}_\d{6}\w*\.(wav|txt|log|jsonl)"
    r"|\.local/share/geppetto/(conversations\.sqlite3(-wal|-shm)?)"
    r"|\.local/state/geppetto/history"
)
RAW = set("\x00\x07\x1b\x9b\r\u202e\u2066\ud800")


async def name_everything(peer: Peer) -> None:
    """Put the evil name wherever a server may name something, and answer."""
    await peer.send({"type": "session.created", "session": {"id": EVIL, "model": EVIL}})
    await peer.expect("response.create")
    sounds = audio(EVIL, tone(10), EVIL)
    await peer.send(
        {"type": f"response.{EVIL}", "event_id": EVIL},
        {"type": "conversation.item.added", "item": {"id": EVIL, "role": EVIL}},
        created(EVIL),
        words(EVIL, f"Here: {EVIL}.", EVIL),
        sounds,
        audio(f"{EVIL}stranger", tone(10, start=500), EVIL),
        error(EVIL, EVIL, event_id=EVIL),
        done(EVIL, "failed", reason=EVIL, error={"type": EVIL, "code": EVIL, "message": EVIL}),
        done(f"{EVIL}stranger"),
    )
    await peer.expect("response.create")
    await peer.close(4000, EVIL.encode("utf-8", "replace").decode()[:100])
    await peer.client_left()


@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "terminal"])
async def test_names_from_the_server_steer_nothing(tmp_path: Path, terminal: bool) -> None:
    """Ids, codes, reasons and words of a server name no file, and reach no terminal as they are."""
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(name_everything) as server,
            open_program(["--url", server.url, "--max-retries", "0"], cwd=home, terminal=terminal) as program,
        ):
            await program.type("One?\nTwo?\n")
            ran = await program.left()
    shown = ran.stdout + ran.stderr
    assert ran.status == ExitStatus.REFUSED
    assert "The server refused the session (4000, ../../" in shown
    assert shown.count("\\x1b]0;owned") >= 3
    if terminal:
        shown = shown.replace("\r\n", "\n")  # the terminal's own
    assert not set(shown) & RAW
    names = [str(path.relative_to(home)) for path in files_below(tmp_path)]
    assert len(names) >= 3
    assert all(NAME.fullmatch(name) for name in names)


# --- amounts


def resident_bytes(pid: int) -> int:
    """Return how much memory process *pid* holds; 0 when it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


@attrs.frozen
class Flood:
    """One message over and over."""

    message: bytes
    """A whole frame."""
    total_bytes: int
    first: tuple[Event, ...] = ()


def text(event: Event) -> bytes:
    """Return *event* as a frame of more than 64 KiB."""
    payload = json.dumps(event).encode()
    return frame(TEXT, payload, length=b"\x7f" + len(payload).to_bytes(8, "big"))


FLOODS = {
    "audio": Flood(text(audio("resp_1", bytes(100_000))), 200_000_000, (created("resp_1"),)),
    "unknown events": Flood(text({"type": "response.new", "delta": "x" * 100_000}), 200_000_000),
    "no JSON": Flood(frame(TEXT, b"{" * 100_000, length=b"\x7f" + (100_000).to_bytes(8, "big")), 200_000_000),
    "binary": Flood(frame(BINARY, bytes(100_000), length=b"\x7f" + (100_000).to_bytes(8, "big")), 200_000_000),
}
GROWTH_BYTES = 120_000_000
"""Messages of 100 kB fill the buffers: 64 wait to be heard, and below them is what was read at once."""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of another process is in /proc")
@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_has_bounded_memory(tmp_path: Path, name: str) -> None:
    """However fast and long a server talks, the process stays small and goes on: it reads as fast as it writes."""
    flood = FLOODS[name]
    asked, poured = trio.Event(), trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        asked.set()
        await peer.send(*flood.first)
        try:
            for _ in range(flood.total_bytes // len(flood.message)):
                await peer.send_raw(flood.message)
        finally:
            poured.set()
        await peer.send(done("resp_1"))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_program(["--url", server.url, "--max-retries", "0"], cwd=tmp_path) as program,
    ):
        await program.type("One?\n")
        await asked.wait()
        before_bytes = resident_bytes(program.process.pid)
        most_bytes = before_bytes
        while not poured.is_set():
            most_bytes = max(most_bytes, resident_bytes(program.process.pid))
            with trio.move_on_after(0.05):
                await poured.wait()
        await program.end_input()
        ran = await program.left()
    assert most_bytes - before_bytes < GROWTH_BYTES
    assert ran.status == ExitStatus.OK
