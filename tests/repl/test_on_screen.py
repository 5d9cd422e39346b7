"""What a person sees, cell by cell, while everything happens at once."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import trio

from tests.fakes.program import frames, transcripts, wavs
from tests.fakes.scripted_server import answers, audio, created, done, scripted_server, tone, words
from tests.repl.stage import cancellable, open_stage, to

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.scripted_server import Peer

PASTE = "\x1b[200~{}\x1b[201~"
ALT_ENTER = "\x1b\r"
STORY = (
    "Once upon a time there was a puppet whose nose grew longer with every lie that he told. 彼の名前は"
    "ピノキオでした。 😀😀😀😀😀😀 He lived with an old man who had carved him from a piece of pine."
)


class Slow:
    """A story that says one piece when the test wants it."""

    def __init__(self) -> None:
        self.say_send, self.say_receive = trio.open_memory_channel[str](100)

    async def __call__(self, peer: Peer) -> None:
        await peer.greet()
        number = 0
        while True:
            await peer.expect("response.create")
            number += 1
            await peer.send(created(f"resp_{number}"), audio(f"resp_{number}", tone()))
            while text := await self.say_receive.receive():
                await peer.send(words(f"resp_{number}", text))
            await peer.send(done(f"resp_{number}"))

    async def say(self, text: str) -> None:
        """Say *text*; nothing ends the answer."""
        await self.say_send.send(text)


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_streaming_while_typing(tmp_path: Path, columns: int) -> None:
    """Words appear as they come, above a line that is being typed, and neither loses a character."""
    story = Slow()
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("You: Tell me a story.")
        typed = ""
        for at in range(0, len(STORY), 7):
            await story.say(STORY[at : at + 7])
            typed += "typing"[at // 7 % 6]
            await stage.type(typed[-1])
            await stage.shows(f"You: {typed}")
            if columns > 40:
                await stage.shows(STORY[at : at + 7].split()[-1])
        await story.say("")
        await stage.shows("0.1 s of audio", f"You: {typed}", "connected")  # all of it: one write may be read in two
        rows = stage.all_rows
    start = rows.index("You: Tell me a story.") + 1
    end = next(at for at, row in enumerate(rows) if "0.1 s of audio" in row)
    said = rows[start:end]
    assert "".join(said).replace(" ", "") == f"Geppetto:{STORY}".replace(" ", "")
    assert rows[-2] == f"You: {typed}"
    assert sum(row.startswith("You: ") for row in rows) == 2
    assert sum(row.startswith("connected") for row in rows) == 1


async def test_the_status_line(tmp_path: Path) -> None:
    """It says what comes and what waits, and is one row at every width."""
    story = Slow()
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=200) as stage:
        await stage.shows("connected · gpt-realtime-2.1 marin · 0 min")
        await stage.type("one\rtwo\rthree\rfour\r")
        await stage.shows("connected · receiving · 3 queued", "  queued: two", "  queued: three", "  and 1 more")
        for columns in (40, 12, 5):
            stage.resize(columns)
            await stage.shows("connected" if columns > 10 else "con")
        for _ in range(4):
            await story.say("")
        stage.resize(200)
        await stage.hides("queued")


async def test_queued_questions_take_turns(tmp_path: Path) -> None:
    """Questions that were typed during an answer are asked after it, and each stands above its own answer."""
    story = Slow()
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("one?\r")
        await story.say("One.")
        await stage.shows("Geppetto: One.")
        await stage.type("two?\r")
        await stage.shows("  queued: two?")
        await story.say("")
        await story.say("Two.")
        await story.say("")
        await stage.repeats("0.1 s of audio", 2)
        rows = [row for row in stage.rows if row.startswith(("You: ", "Geppetto: ", "  0.1 s"))]
    assert [row[:12].rstrip() for row in rows] == [
        "You: one?", "Geppetto: On", "  0.1 s of a", "You: two?", "Geppetto: Tw", "  0.1 s of a",
    ]  # fmt: skip
    assert server.seen.questions == ["one?", "two?"]


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_control_c_during_an_answer(tmp_path: Path, columns: int) -> None:
    """The answer is cancelled, what came is kept and marked, and the prompt is there for the next question."""
    async with (
        scripted_server(cancellable) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type("\x03")
        await stage.shows("the answer is partial: it was")
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Fine.", "0.1 s of audio")
        await stage.type("\x04")
        assert await stage.left() == 0
    assert sorted(wav.stem.endswith("_partial") for wav in wavs(tmp_path)) == [False, True]
    assert all(frames(wav) == tone() for wav in wavs(tmp_path))


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_alt_enter_interrupts(tmp_path: Path, columns: int) -> None:
    """Alt+Enter cancels the answer that comes, lets the server forget what did not come, and asks what was typed."""
    async with (
        scripted_server(cancellable) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("Tell me a story.\r")
        await stage.shows("Geppetto: Once upon")
        await stage.type(f"Stop. How are you?{ALT_ENTER}")
        await stage.shows("the answer is partial", "You: Stop. How are you?", "Geppetto: Fine.", "0.1 s of audio")
    assert server.seen.questions == ["Tell me a story.", "Stop. How are you?"]
    assert "Fine." in transcripts(tmp_path)
    sent = server.seen.types
    truncated = sent.index("conversation.item.truncate")
    assert server.seen.events[truncated]["audio_end_ms"] == 100
    assert sent[truncated + 1 :] == ["conversation.item.create", "response.create"]


async def test_control_c_clears_and_hints(tmp_path: Path) -> None:
    """Ctrl+C takes away what was typed; at the empty prompt it says how to leave, as often as something is typed."""
    async with scripted_server(answers(["Fine."])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("never asked")
        await stage.shows("You: never asked")
        await stage.type("\x03")
        await stage.hides("never asked")
        await stage.type("\x03")
        await stage.shows("Ctrl+C again or Ctrl+D leaves")
        await stage.type("How are you?\r")
        await stage.shows("0.1 s of audio")
        await stage.type("\x03")
        await stage.shows("You:")
        await stage.type("x\x03\x04")
        assert await stage.left() == 0
    assert server.seen.questions == ["How are you?"]


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_a_thousand_lines_are_one_question(tmp_path: Path, columns: int) -> None:
    """A paste of 1,000 lines is edited as one text, sent as one question, and not repeated whole."""
    text = "\n".join(f"line {number}" for number in range(1000))
    async with (
        scripted_server(answers(["Long."])) as server,
        open_stage(to(server.url), cwd=tmp_path, columns=columns) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type(PASTE.format(text))
        await stage.shows("line 999")
        await stage.type("\r")
        await stage.shows("Geppetto: Long.", "  and 988 more lines")
        assert "You: line 0" in stage.all_rows
    assert server.seen.questions == [text]


async def test_many_lines(tmp_path: Path) -> None:
    """Esc Enter breaks the line while nothing is being answered."""
    async with scripted_server(answers(["Two."])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type(f"one{ALT_ENTER}two")
        await stage.shows("You: one\n     two")
        await stage.type("\r")
        await stage.shows("Geppetto: Two.")
    assert server.seen.questions == ["one\ntwo"]


async def test_resize(tmp_path: Path) -> None:
    """A narrower and a wider terminal show the rest of the answer, the line and the status, each once."""
    story = Slow()
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, columns=80) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Hi\r")
        await story.say("one two three")
        await stage.shows("Geppetto: one two three")
        await stage.type("next")
        await stage.shows("You: next")
        stage.resize(20)
        await stage.hides("gpt-realtime")
        await story.say(" four five six")
        await stage.shows("four five six")
        stage.resize(60)
        await stage.shows("gpt-realtime")
        await story.say(" seven")
        await stage.shows("six seven")
        assert sum(row.startswith("You: next") for row in stage.rows) == 1
        assert sum(row.startswith("connected") for row in stage.rows) == 1
        assert stage.screen.cursor.x == len("You: next")


async def test_what_is_typed_before_the_prompt_is_asked(tmp_path: Path) -> None:
    """A question that was typed while the program started is a question."""
    async with scripted_server(answers(["Early."])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.type("How are you?\r")
        await stage.shows("Geppetto: Early.")
    assert server.seen.questions == ["How are you?"]


async def test_hostile_words(tmp_path: Path) -> None:
    """What steers terminals is shown and does nothing, in words as in errors."""
    said = "\x1b[2J\x1b]0;title\x07\u202e\x9b1m gone"
    async with scripted_server(answers([said])) as server, open_stage(to(server.url), cwd=tmp_path) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Hi\r")
        await stage.shows(r"Geppetto: \x1b[2J\x1b]0;title\x07\u202e\x9b1m gone")
        assert b"\x1b]0;" not in stage.raw


async def test_history_is_kept_for_the_user_alone(tmp_path: Path) -> None:
    """What was typed can be found again in the next run; the file is 0600 and has no key in it."""
    key = "sk-secret-0123456789"
    args = ["--insecure-key", "--key-env", "K"]
    env = {"K": key}
    async with (
        scripted_server(answers(["Fine.", "Yes."])) as server,
        open_stage([*to(server.url), *args], cwd=tmp_path, env=env) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type(f"a needle\ris {key} a key?\r")
        await stage.shows("Geppetto: Fine.", "Geppetto: Yes.")
        await stage.type("\x04")
        assert await stage.left() == 0
    file = tmp_path / ".local/state/geppetto/history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text()
    async with (
        scripted_server(answers(["Found."])) as server,
        open_stage([*to(server.url), *args], cwd=tmp_path, env=env) as stage,
    ):
        await stage.shows("You:", "connected")
        await stage.type("\x12needle\r")
        await stage.shows("You: a needle")
        await stage.type("\r")
        await stage.shows("Geppetto: Found.")
    assert server.seen.questions == ["a needle"]


async def test_the_editor(tmp_path: Path) -> None:
    """Ctrl+O opens the editor on what was typed; the answer that comes meanwhile is shown when it is closed."""
    gate = tmp_path / "gate"
    script = tmp_path / "edit.sh"
    script.write_text(
        f'#!/bin/sh\necho editing\nwhile [ ! -e "{gate}" ]; do sleep 0.05; done\necho " more" >> "$1"\n'
    )
    script.chmod(0o755)
    story = Slow()
    env = {"EDITOR": str(script)}
    async with scripted_server(story) as server, open_stage(to(server.url), cwd=tmp_path, env=env) as stage:
        await stage.shows("You:", "connected")
        await stage.type("Hi\r")
        await stage.shows("receiving")
        await stage.type("draft\x0f")
        await stage.shows("editing")
        await story.say("Words behind the editor.\n")
        await story.say("")
        gate.touch()
        await stage.shows("You: draft more", "Geppetto: Words behind the editor.")
