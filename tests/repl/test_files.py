"""Files in a chat: spoken questions, pictures, and what the voice is given to say."""

from __future__ import annotations

import base64
import sqlite3
import struct
import wave
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.memory.rows import HEARD
from tests.fakes.program import wavs
from tests.fakes.scripted_server import answer, answers, scripted_server, silent, tone
from tests.repl.stage import FACES, open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Event, Peer


def record(path: Path, pcm: bytes) -> None:
    """Write *pcm* as a WAV."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, 24_000, 0, "NONE", ""))
        wav.writeframes(pcm)


def png(path: Path) -> bytes:
    """Write a picture of 3 x 2 pixels, and return its bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0\0\0\0" * 2)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(data)
    return data


def transcript(text: str) -> Event:
    """Return the transcript of the question `item_u`."""
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": "item_u", "content_index": 0, "transcript": text}


@pytest.mark.parametrize("face", FACES)
async def test_a_spoken_question(tmp_path: Path, face: str) -> None:
    """It is sent, its transcript is shown when it comes and kept, and /retry speaks again."""
    pcm = tone(60_000)
    record(tmp_path / "where is it.wav", pcm)
    heard: list[bytes] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        for number in (1, 2):
            await peer.expect("input_audio_buffer.commit")
            sent = [event["audio"] for event in peer.seen.events if event["type"] == "input_audio_buffer.append"]
            heard.append(b"".join(map(base64.b64decode, sent)))
            await peer.send({"type": "input_audio_buffer.committed", "item_id": "item_u"})
            await peer.expect("response.create")
            await peer.send(*answer(f"resp_{number}", "There.", tone()), transcript(f"Where is it? {number}"))
        await peer.client_left()

    data = {"GEPPETTO_DATA_DIR": str(tmp_path / "data"), **FACES[face]}
    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100, env=data) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/audio where is it.wav\r")
        await stage.shows(
            "[where is it.wav: 2.5 s of audio]", "Geppetto: There.", "heard: Where is it? 1", "0.1 s of audio"
        )
        await stage.type("/retry\r")
        await stage.shows("heard: Where is it? 2")
        await stage.repeats("0.1 s of audio", 2)
        await stage.type("/history\r")
        await stage.shows("You: Where is it? 1", "You: Where is it? 2")
        await stage.type("\x04")
        assert await stage.left() == 0
    assert heard == [pcm, pcm * 2]
    with closing(sqlite3.connect(tmp_path / "data" / "conversations.sqlite3")) as database:
        kept = database.execute("SELECT text, spoken FROM items WHERE role = 'user' ORDER BY id").fetchall()
    assert kept == [("Where is it? 1", HEARD), ("Where is it? 2", HEARD)]


async def test_a_long_question_has_a_bar(tmp_path: Path) -> None:
    """While it goes out the status line shows how far it is; Ctrl+C stops it there."""
    record(tmp_path / "long.wav", bytes(48_000 * 590))
    go_on = trio.Event()

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("input_audio_buffer.append")
        peer.stop_reading()
        await go_on.wait()
        peer.go_on_reading()
        await peer.expect("input_audio_buffer.clear")
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Yes.", tone()))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/audio long.wav\r")
        await stage.shows("[long.wav: 590.0 s of audio]", "sending ·")
        await stage.type("\x03")
        await stage.shows("the question was taken back")
        go_on.set()
        await stage.type("Are you there?\r")
        await stage.shows("Geppetto: Yes.")
    assert "input_audio_buffer.commit" not in server.seen.types


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.wav", "nothing.wav"),
        ("short.wav", "0.050 s"),
        ("text.wav", "text.wav"),
    ],
)
async def test_files_that_are_no_question(tmp_path: Path, name: str, said: str) -> None:
    """One sentence each, and nothing is sent."""
    record(tmp_path / "short.wav", bytes(2_400))
    (tmp_path / "text.wav").write_text("no audio at all, but long enough to be looked at")
    async with (
        scripted_server(answers(["Fine."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=200) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type(f"/audio {name}\r")
        await stage.type("Hi\r")
        await stage.shows(said, "Geppetto: Fine.")
    assert server.seen.types[1:] == ["conversation.item.create", "response.create"]


@pytest.mark.parametrize("face", FACES)
async def test_a_picture_goes_with_the_next_question(tmp_path: Path, face: str) -> None:
    """Once, and so does the text of a file."""
    data = png(tmp_path / "dot.png")
    (tmp_path / "notes.txt").write_text("It is black.")
    async with (
        scripted_server(answers(["A dot.", "Yes."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100, env=FACES[face]) as stage,
    ):
        await stage.shows("You:")
        await stage.type("/image dot.png\r")
        await stage.shows("dot.png goes with the next question: 3 x 2 pixels")
        await stage.type("/file notes.txt\r")
        await stage.shows("notes.txt goes with the next question: 12 characters")
        await stage.type("What is this?\r")
        await stage.shows("Geppetto: A dot.")
        await stage.type("Really?\r")
        await stage.shows("Geppetto: Yes.")
        await stage.type("\x04")
        assert await stage.left() == 0
    first, second = [event["item"]["content"] for event in server.seen.events if "item" in event]
    assert first[0] == {
        "type": "input_image",
        "image_url": f"data:image/png;base64,{base64.b64encode(data).decode()}",
    }
    assert first[1] == {"type": "input_text", "text": "notes.txt:\n\nIt is black.\n\nWhat is this?"}
    assert second == [{"type": "input_text", "text": "Really?"}]
    log = next((tmp_path / "logs").iterdir()).read_text()
    assert f"data:image/png;base64,[trimmed: {len(data)} bytes]" in log


async def test_the_beta_dialect_has_no_pictures(tmp_path: Path) -> None:
    """That is said when one is named."""
    png(tmp_path / "dot.png")
    async with (
        scripted_server(answers([])) as server,
        open_stage(to(server.url, "--dialect", "beta"), cwd=tmp_path, columns=100) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/image dot.png\r")
        await stage.shows("The beta dialect takes no pictures.")


async def test_the_voice_says_a_text_beside_the_conversation(tmp_path: Path) -> None:
    """The server is asked out of band, with instructions of its own, and the audio is a file like any other."""

    async def story(peer: Peer) -> None:
        await peer.greet()
        event = await peer.expect("response.create")
        assert event["response"]["conversation"] == "none"
        assert event["response"]["input"][0]["content"] == [{"type": "input_text", "text": "Dinner is ready."}]
        assert "exactly" in event["response"]["instructions"]
        await peer.send(*answer("resp_1", "Dinner is ready.", tone()))
        await peer.client_left()

    async with (
        scripted_server(story) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/say Dinner is ready.\r")
        await stage.shows("You: [to be said] Dinner is ready.", "Geppetto: Dinner is ready.", "0.1 s of audio")
    assert len(wavs(tmp_path)) == 1
    assert "conversation.item.create" not in server.seen.types


async def test_control_c_stops_waiting_for_a_command(tmp_path: Path) -> None:
    """A file may be on a disk that hangs; the chat goes on at once."""
    async with (
        scripted_server(silent) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=100) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("/instructions Be brief.\r")
        while server.seen.types.count("session.update") < 2:
            await trio.lowlevel.checkpoint()
        await stage.type("\x03")
        await stage.shows("/instructions is not waited for any longer")
        await stage.type("\x03")
        await stage.shows("Ctrl+C again or Ctrl+D leaves")
