"""From audio in a channel to files on the disk."""

from __future__ import annotations

import threading
import wave
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from geppetto.errors import OutputFailed
from geppetto.intake import Intake
from geppetto.realtime.events import TextDelta
from geppetto.realtime.happenings import ReplyAudio, ReplyDone, ReplyText
from geppetto.realtime.reply import Reply
from geppetto.records.recorder import Recorder
from geppetto.tasks.assemble import assemble
from tests.fakes.descriptors import open_descriptors

if TYPE_CHECKING:
    from pathlib import Path

    from geppetto.records.recorder import ToFiles
    from geppetto.records.reply_files import SavedReply

NOW = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)


def audio(reply: Reply, pcm: bytes, item_id: str = "i") -> ReplyAudio:
    """Return a piece of audio."""
    return ReplyAudio(reply=reply, item_id=item_id, content_index=0, pcm=pcm)


def frames(path: Path | None) -> bytes:
    """Return the audio of a WAV file."""
    assert path is not None
    with wave.open(str(path)) as file:
        return bytes(file.readframes(file.getnframes()))


def parts(directory: Path) -> list[Path]:
    """Return the unfinished files of *directory*."""
    return list(directory.glob("*.part"))


async def run(
    directory: Path, happenings: list[ToFiles], open_replies: list[Reply], recorder: Recorder | None = None
) -> list[SavedReply]:
    """Feed *happenings* and the end of the channel to the task; return what it delivers, in order."""
    intake = Intake(recorder or Recorder(directory, lambda: NOW), len(happenings))
    for happening in happenings:
        intake.send_nowait(happening)
    intake.close()
    saved: list[SavedReply] = []

    async def deliver(one: SavedReply) -> None:
        await trio.lowlevel.checkpoint()
        saved.append(one)

    with trio.fail_after(5):
        await assemble(intake, deliver, lambda: open_replies)
    return saved


async def test_audio_is_written_in_order_and_delivered_when_closed(tmp_path: Path) -> None:
    """Two replies that interleave are two files, each with its own bytes, delivered in the order of their ends."""
    a, b = Reply(status="completed"), Reply(status="completed")
    a.add_delta(TextDelta(response_id="", delta="Hello."))
    saved = await run(
        tmp_path,
        [audio(a, b"\1\0\2"), audio(b, b"\x0b\0"), audio(a, b"\0\3\0"), ReplyDone(reply=b), ReplyDone(reply=a)],
        [],
    )
    assert [one.reply is reply for one, reply in zip(saved, (b, a), strict=True)] == [True, True]
    assert [frames(one.audio_file) for one in saved] == [b"\x0b\0", b"\1\0\2\0\3\0"]
    assert all(one.audio_file is not None and "partial" not in one.audio_file.name for one in saved)
    assert saved[1].transcript_file is not None
    assert saved[1].transcript_file.read_text().endswith("Transcript:\nHello.\n")


async def test_what_is_open_at_the_end_is_kept_as_partial(tmp_path: Path) -> None:
    """When the channel ends, an answer that was cut off is saved with what came, and marked."""
    reply = Reply(status="cancelled", reason="the session ended")
    (saved,) = await run(tmp_path, [audio(reply, b"\1\0\2")], [reply])
    assert saved.audio_file == tmp_path / "audio_20261121_101502_partial.wav"
    assert frames(saved.audio_file) == b"\1\0\2\0"
    assert saved.transcript_file is not None
    assert "Status: partial (cancelled: the session ended)" in saved.transcript_file.read_text()
    assert parts(tmp_path) == []


async def test_a_directory_that_cannot_be_written_ends_the_task(tmp_path: Path) -> None:
    """The sentence names it, and the channel is closed."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputFailed, match="file is not a directory"):
        await run(blocked, [audio(Reply(), b"\1\0")], [])


async def test_a_hanging_disk_is_left_behind(tmp_path: Path) -> None:
    """Cancelling waits neither for the write that hangs nor for its lock."""
    hang = threading.Event()

    class Hanging(Recorder):
        def _append(self, *args: object) -> None:
            hang.wait(5)

    recorder = Hanging(tmp_path, lambda: NOW)
    try:
        with trio.fail_after(2):
            async with trio.open_nursery() as nursery:
                happenings: list[ToFiles] = [audio(Reply(), b"\1\0")]
                nursery.start_soon(run, tmp_path, happenings, [], recorder)
                await wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
    finally:
        hang.set()


async def test_the_end_waits_for_a_flush_under_way(tmp_path: Path) -> None:
    """When the task has ended, no thread is at the files any more, and what the flush says is not lost."""
    began, disk = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    class Flushing(Recorder):
        def sync_due_s(self) -> float:
            return 0.001

        def sync(self) -> None:
            token.run_sync_soon(began.set)
            disk.wait(5)
            raise OutputFailed("The disk did not take it.")

    reply = Reply(status="completed")
    intake = Intake(Flushing(tmp_path, lambda: NOW), 3)
    intake.send_nowait(audio(reply, b"\1\0"))
    delivered = trio.Event()
    errors: list[OutputFailed] = []

    async def deliver(_saved: SavedReply) -> None:
        await trio.lowlevel.checkpoint()
        delivered.set()

    async def to_its_end() -> None:
        try:
            await assemble(intake, deliver, list)
        except OutputFailed as error:
            errors.append(error)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(to_its_end)
            await began.wait()
            intake.send_nowait(ReplyDone(reply=reply))
            intake.close()
            await delivered.wait()
            await wait_all_tasks_blocked(0.05)
            assert not errors
            disk.set()
    assert [str(error) for error in errors] == ["The disk did not take it."]


async def test_the_end_waits_for_a_write_with_nothing_left_to_write(tmp_path: Path) -> None:
    """What was wanted may begin when all is written already: also then its thread is not left behind."""
    began, disk, ended = threading.Event(), threading.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()
    all_written = trio.Event()

    class Late(Recorder):
        def write(self, *, ends: bool = True) -> None:
            if not ends:
                began.set()
                disk.wait(5)
                ended.set()
                return
            super().write(ends=True)
            if self.has_saved:
                began.wait(5)
                token.run_sync_soon(all_written.set)

    reply = Reply()
    intake = Intake(Late(tmp_path, lambda: NOW), 3)
    intake.send_nowait(ReplyText(reply=reply, delta="Hello."))
    intake.close()

    async def deliver(_saved: SavedReply) -> None:
        await trio.lowlevel.checkpoint()

    async def to_its_end() -> None:
        await assemble(intake, deliver, lambda: [reply])
        assert ended.is_set()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(to_its_end)
            await all_written.wait()
            await wait_all_tasks_blocked(0.05)
            disk.set()


async def test_a_bug_leaves_no_file_open(tmp_path: Path) -> None:
    """Whatever fails in between, the files are closed, and their audio is there under the temporary name."""
    reply, other = Reply(), Reply(status="completed")
    before = open_descriptors()
    recorder = Recorder(tmp_path, lambda: NOW)

    async def deliver(saved: SavedReply) -> None:
        raise ZeroDivisionError

    intake = Intake(recorder, 3)
    for happening in (audio(reply, b"\1\0"), ReplyDone(reply=other)):
        intake.send_nowait(happening)
    with trio.fail_after(5), pytest.raises(ZeroDivisionError):
        await assemble(intake, deliver, list)
    await intake.at_rest()
    assert frames(tmp_path / "audio_20261121_101502.wav.part") == b"\1\0"
    assert open_descriptors() == before


async def test_nobody_writes_any_more(tmp_path: Path) -> None:
    """Whoever sends is told, also who waited for room, and what is written in the end waits for nobody."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    intake = Intake(Recorder(blocked, lambda: NOW), 1)
    intake.send_nowait(audio(Reply(), b"\1\0"))

    async def wait_for_room() -> None:
        for _ in range(9):  # the first may find room: what cannot be written has left the queue
            await intake.send(audio(Reply(), b"\1\0"))

    async def send() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await wait_for_room()

    async def deliver(saved: SavedReply) -> None:
        raise AssertionError

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            with pytest.raises(OutputFailed):
                await assemble(intake, deliver, list)
    with pytest.raises(trio.BrokenResourceError):
        intake.send_nowait(audio(Reply(), b"\1\0"))


async def test_who_sends_waits_for_room(tmp_path: Path) -> None:
    """No more than the capacity waits for the disk, nothing is lost, and a closed channel takes nothing."""
    reply = Reply(status="completed")
    recorder = Recorder(tmp_path, lambda: NOW)
    intake = Intake(recorder, 2)
    most = 0
    saved: list[SavedReply] = []

    async def deliver(one: SavedReply) -> None:
        await trio.lowlevel.checkpoint()
        saved.append(one)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(assemble, intake, deliver, list)
            for number in range(20):
                await intake.send(audio(reply, bytes([number, 0])))
                most = max(most, recorder.waiting)
            await intake.send(ReplyDone(reply=reply))
            intake.close()
    assert most <= 2
    assert frames(saved[0].audio_file) == b"".join(bytes([number, 0]) for number in range(20))
    with pytest.raises(trio.BrokenResourceError):
        intake.send_nowait(ReplyDone(reply=reply))
