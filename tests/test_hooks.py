"""What a program that runs sessions is told of them, and decides."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest
import trio

from geppetto.chat import open_chat
from geppetto.errors import OutputFailed
from geppetto.hooks import Hooks
from tests.fakes.chatting import BOUND_S, audio_came, configure
from tests.fakes.scripted_server import answer, answers, audio, created, done, scripted_server, tone, words

if TYPE_CHECKING:
    from datetime import datetime

    from geppetto.answer import Answer
    from tests.fakes.scripted_server import Peer


async def test_an_answer_is_committed_before_its_files_have_their_names(tmp_path: Path) -> None:
    """By then all of it is on the disk, under a temporary name; the answer knows the names that come."""
    seen: list[tuple[str, bool, bool]] = []

    def commit(got: Answer) -> None:
        assert got.audio_file is not None
        part = got.audio_file.with_name(f"{got.audio_file.name}.part")
        seen.append((got.text, got.audio_file.exists(), part.stat().st_size == 44 + len(tone())))

    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(answers(["One."])) as server,
            open_chat(configure(server.url, tmp_path), hooks=Hooks(commit=commit)) as chat,
        ):
            got = await chat.ask("a?", tag="mine")
    assert seen == [("One.", False, True)]
    assert got.tag == "mine"
    assert got.audio_file is not None
    assert got.audio_file.exists()


async def test_a_commit_that_fails_ends_the_session_and_keeps_the_audio(tmp_path: Path) -> None:
    """It is as any file that cannot be written."""

    def commit(_got: Answer) -> None:
        raise OutputFailed("the manifest cannot be written.")

    with (
        trio.fail_after(BOUND_S),
        pytest.raises(OutputFailed, match=r"the manifest .* `geppetto repair` finishes it"),
    ):
        async with (
            scripted_server(answers(["One."])) as server,
            open_chat(configure(server.url, tmp_path), hooks=Hooks(commit=commit)) as chat,
        ):
            await chat.ask("a?")
    assert [path.suffixes for path in (tmp_path / "audio_output").glob("*.wav*")] == [[".wav", ".part"]]


async def test_what_the_end_cuts_off_is_over_but_not_committed(tmp_path: Path) -> None:
    """Whoever keeps a record of conversations is told of it all the same."""
    committed: list[str] = []
    over: list[tuple[str, str]] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        await peer.send(*answer("resp_1", "Whole."))
        await peer.expect("response.create")
        await peer.send(created("resp_2"), words("resp_2", "Half"), audio("resp_2", tone()))
        await peer.client_left()

    hooks = Hooks(
        commit=lambda got: committed.append(got.text), answered=lambda got: over.append((got.text, got.status))
    )
    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(story) as server,
            open_chat(configure(server.url, tmp_path), hooks=hooks) as chat,
        ):
            await chat.ask("a?")
            async for _ in chat.stream("b?"):
                break
            await audio_came(chat)
    assert committed == ["Whole."]
    assert over == [("Whole.", "completed"), ("Half", "cancelled")]


async def test_files_have_the_names_that_are_wanted(tmp_path: Path) -> None:
    """Below the directory, with a number where one is taken; None leaves it to the time."""
    names = {"one": PurePath("sub/name"), "two": PurePath("sub/name"), "three": None}

    def name_of(tag: object, begun: datetime) -> PurePath | None:
        assert begun.tzinfo is not None
        return names[str(tag)]

    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(answers(["1.", "2.", "3."])) as server,
            open_chat(configure(server.url, tmp_path), hooks=Hooks(name_of=name_of)) as chat,
        ):
            got = [(await chat.ask("?", tag=tag)).audio_file for tag in names]
    below = [Path(file).relative_to(tmp_path / "audio_output") for file in got if file is not None]
    assert [str(file) for file in below[:2]] == ["sub/name.wav", "sub/name_2.wav"]
    assert below[2].name.startswith("audio_")


async def test_a_rate_limit_is_told_to_whoever_shares_it(tmp_path: Path) -> None:
    """With the seconds that the server wants."""
    pauses: list[float] = []

    async def story(peer: Peer) -> None:
        await peer.greet()
        await peer.expect("response.create")
        busy = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 10ms."}
        await peer.send(created("resp_1"), done("resp_1", "failed", error=busy))
        await peer.expect("response.create")
        await peer.send(*answer("resp_2", "Now."))
        await peer.client_left()

    with trio.fail_after(BOUND_S):
        async with (
            scripted_server(story) as server,
            open_chat(configure(server.url, tmp_path, max_retries=2), hooks=Hooks(slow_down=pauses.append)) as chat,
        ):
            got = await chat.ask("a?")
    assert (got.text, got.attempts) == ("Now.", 2)
    assert pauses == [0.01]
