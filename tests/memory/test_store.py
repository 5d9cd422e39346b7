"""Conversations are kept, found again, named and deleted."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.memory.ids import ID_CHARS, id_prefix
from geppetto.memory.kept import Answered, storable
from geppetto.memory.trouble import Gone
from geppetto.realtime.history import CUT_OFF_MARK, Said
from geppetto.records.metrics import Latency
from geppetto.redaction import Redactor
from tests.memory.remembered import ABOUT, BEGIN, COST, USAGE, answer, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.memory.store import Memory

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """Open an empty memory."""
    with opened(tmp_path / "conversations.sqlite3") as memory:
        yield memory


def test_an_answer_is_kept_whole(memory: Memory) -> None:
    """Question and answer come back with their times, files, figures and session, also after closing."""
    kept = memory.begin(ABOUT)
    memory.note(kept, answer(cost=COST))
    memory.close()
    with opened(memory.path) as again:
        asked, answered = again.items(kept)
        assert (asked.role, asked.text, asked.answer) == ("user", "What is 12 times 7?", None)
        assert asked.at == answered.at - timedelta(milliseconds=500)
        assert (answered.role, answered.text) == ("assistant", "12 times 7 is 84.")
        assert answered.at == BEGIN + timedelta(seconds=2)
        assert answered.answer == Answered(
            status="completed",
            audio_file=Path("/recordings/audio_20261121_101502.wav"),
            transcript_file=Path("/recordings/audio_20261121_101502.txt"),
            audio_ms=1900,
            latency=Latency(first_text_ms=100.0, first_audio_ms=120.5, done_ms=500.0),
            usage=USAGE,
            cost=COST,
            response_id="resp_1",
            session_id="sess_1",
            attempts=2,
        )
        found = again.last()
        assert found is not None
        assert (found.id, found.about, found.title) == (kept, ABOUT, "What is 12 times 7?")
        assert (found.n_answers, found.audio_ms, found.usd, found.all_priced) == (1, 1900, 0.0312, True)


def test_an_answer_is_kept_with_its_question_or_not_at_all(memory: Memory) -> None:
    """What fails half-way leaves nothing."""
    kept = memory.begin(ABOUT)
    with pytest.raises(OverflowError):  # SQLite has integers of 64 bits
        memory.note(kept, msgspec.structs.replace(answer(), attempts=1 << 70))
    assert memory.items(kept) == []
    memory.note(kept, answer())
    assert len(memory.items(kept)) == 2


def test_relative_files_are_kept_absolute(memory: Memory) -> None:
    """Another day begins in another directory."""
    kept = memory.begin(ABOUT)
    memory.note(kept, answer(audio_file=Path("audio_output/a.wav")))
    answered = memory.items(kept)[1].answer
    assert answered is not None
    assert answered.audio_file == Path.cwd() / "audio_output/a.wav"


def test_a_file_name_that_is_no_text_is_kept(memory: Memory) -> None:
    """What the file system allows comes back byte by byte."""
    name = Path(os.fsdecode(b"/tmp/\xff\xfe.wav"))
    kept = memory.begin(ABOUT)
    memory.note(kept, answer(audio_file=name))
    answered = memory.items(kept)[1].answer
    assert answered is not None
    assert answered.audio_file == name


@settings(max_examples=60, deadline=None)
@given(question=st.text(st.characters(exclude_categories=())), text=st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back(question: str, text: str) -> None:
    """NUL, marks of writing from right to left and emoji stay; half a surrogate pair is U+FFFD."""
    with TemporaryDirectory() as directory, opened(Path(directory) / "c.sqlite3") as memory:
        kept = memory.begin(ABOUT)
        memory.note(kept, answer(question, text))
        assert [item.text for item in memory.items(kept)] == [storable(question), storable(text)]
        memory.conversations()


def test_text_that_is_utf_8_is_not_changed() -> None:
    """Only halves of surrogate pairs are: two that came apart become their character."""
    assert storable("a\0b\u202e\u05d0🙂\r\n") == "a\0b\u202e\u05d0🙂\r\n"
    assert storable("\ud83d\ude42 \ud83d") == "🙂 \ufffd"


def test_the_key_is_not_in_the_files(tmp_path: Path) -> None:
    """Whatever a server says back: in its words, its reasons, its names."""
    with opened(tmp_path / "c.sqlite3", redactor=Redactor.of([KEY])) as memory:
        kept = memory.begin(ABOUT)
        memory.note(kept, answer(f"Is it {KEY}?", f"{KEY}.", status="failed", reason=KEY, session_id=KEY))
        memory.name(kept, f"about {KEY}")
        assert [item.text for item in memory.items(kept)] == ["Is it [key]?", "[key]."]
        assert not [path for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()]


def test_the_list_has_the_newest_first_in_pages(memory: Memory) -> None:
    """What was changed last leads; a conversation without a word is not listed."""
    kept = [memory.begin(ABOUT) for _ in range(5)]
    for conversation in kept[:4]:
        memory.note(conversation, answer())
    memory.note(kept[0], answer(cost=COST))
    listed = [conversation.id for conversation in memory.conversations()]
    assert listed == [kept[0], kept[3], kept[2], kept[1]]
    assert [conversation.id for conversation in memory.conversations(limit=2, offset=1)] == listed[1:3]
    last = memory.last()
    assert last is not None
    assert (last.id, last.n_answers, last.all_priced) == (kept[0], 2, False)


def test_nothing_kept_has_no_last(memory: Memory) -> None:
    """An empty memory is no error."""
    memory.begin(ABOUT)
    assert memory.last() is None
    assert memory.conversations() == []


def test_a_conversation_is_found_by_id_prefix_and_name(memory: Memory) -> None:
    """IDs may be typed in capitals and cut short; names in any case."""
    kept = memory.begin(ABOUT)
    memory.note(kept, answer())
    memory.name(kept, "  Straße ")
    for typed in (kept, kept.upper(), kept[:3], "Straße", "STRASSE", " straße"):
        assert memory.find(typed).id == kept
    assert memory.find(kept).name == "Straße"
    memory.name(kept, None)
    with pytest.raises(ConfigError, match=r"No conversation is called Straße\. `geppetto history` lists them\."):
        memory.find("Straße")


def test_a_prefix_of_several_is_refused(memory: Memory) -> None:
    """Which one is meant is not guessed."""
    for _ in range(33):  # one more than there are first characters
        memory.note(memory.begin(ABOUT), answer())
    first = [conversation.id[0] for conversation in memory.conversations(limit=100)]
    twice = next(char for char in first if first.count(char) > 1)
    with pytest.raises(ConfigError, match=f"Several conversations begin with {twice}"):
        memory.find(twice)


@pytest.mark.parametrize("typed", ["", " ", "%", "_", "u", "0" * (ID_CHARS + 1), "no such", "\x1b[2J", "\ud800"])
def test_what_is_not_kept_is_not_found(memory: Memory, typed: str) -> None:
    """Neither wildcards nor control characters get through."""
    memory.note(memory.begin(ABOUT), answer())
    with pytest.raises(ConfigError, match="No conversation is called") as caught:
        memory.find(typed)
    assert "\x1b" not in str(caught.value)


def test_a_name_is_given_once(memory: Memory) -> None:
    """The same name in other letters is the same name."""
    one, other = memory.begin(ABOUT), memory.begin(ABOUT)
    memory.name(one, "Work")
    with pytest.raises(ConfigError, match="Another conversation is called “WORK”"):
        memory.name(other, "WORK")
    memory.name(one, "work")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[2J", "x" * 101, "a\u202eb"])
def test_what_is_no_name(memory: Memory, name: str) -> None:
    """A name has to be one line that can be typed."""
    with pytest.raises(ConfigError, match="A name is one line"):
        memory.name(memory.begin(ABOUT), name)


def test_a_deleted_conversation_is_gone_from_the_bytes(memory: Memory) -> None:
    """Neither the tables, nor the index of the search, nor the write-ahead log has its words."""
    kept, other = memory.begin(ABOUT), memory.begin(ABOUT)
    memory.note(kept, answer("Who has the zweihander?"))
    memory.note(other, answer("Who has the rapier?"))
    assert len(memory.search("zweihander")) == 1
    assert memory.delete([kept, "00000000"]) == 1
    with pytest.raises(ConfigError):
        memory.find(kept)
    assert memory.items(kept) == []
    assert memory.search("zweihander") == []
    assert len(memory.search("rapier")) == 1
    files = list(memory.path.parent.iterdir())
    assert not [path for path in files if b"zweihander" in path.read_bytes()]


def test_a_deleted_conversation_takes_no_answers(memory: Memory) -> None:
    """Whoever still holds it is told."""
    kept = memory.begin(ABOUT)
    memory.delete([kept])
    with pytest.raises(Gone):
        memory.note(kept, answer())
    with pytest.raises(Gone):
        memory.name(kept, "late")
    assert memory.items(kept) == []


def test_the_history_is_what_a_reconnect_would_tell(memory: Memory) -> None:
    """Partial answers are marked; what was refused or aside is left out; what was heard stands for the audio."""
    kept = memory.begin(ABOUT)
    memory.note(kept, answer("One?", "One."))
    memory.note(kept, answer("Two?", "Tw", status="cancelled"))
    memory.note(kept, msgspec.structs.replace(answer("Aside?", "Aside."), independent=True))
    memory.note(kept, answer("Refused?", "", status="failed"))
    memory.note(kept, msgspec.structs.replace(answer("three.wav", "Three."), spoken=True))
    memory.note(kept, answer("", "By the way.", index=0))
    memory.note(kept, msgspec.structs.replace(answer("four.wav", "Four."), spoken=True, heard="Where?"))
    late = memory.note(kept, msgspec.structs.replace(answer("five.wav", "Five."), spoken=True))
    assert late is not None
    memory.hear(late, "When?")
    memory.note(kept, answer("Six?", "", status="cancelled"))
    assert memory.history(kept) == (
        Said("user", "One?"),
        Said("assistant", "One."),
        Said("user", "Two?"),
        Said("assistant", "Tw" + CUT_OFF_MARK),
        Said("user", "[a spoken question: three.wav]"),
        Said("assistant", "Three."),
        Said("assistant", "By the way."),
        Said("user", "Where?"),
        Said("assistant", "Four."),
        Said("user", "When?"),
        Said("assistant", "Five."),
        Said("user", "Six?"),
    )


def test_ids_are_read_as_people_type_them() -> None:
    """Letters that look like digits are the digits."""
    assert id_prefix(" OIL1 ") == "0111"
    assert id_prefix("u") is None
