"""A conversation as a file."""

from __future__ import annotations

import json
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.memory.export import FORMATS, export, facts, format_of, heading
from geppetto.memory.kept import Answered, Conversation, Item
from tests.memory.remembered import ABOUT, BEGIN, COST, USAGE, answer, opened

if TYPE_CHECKING:
    from geppetto.memory.export import Format

ANY = st.text(st.characters(exclude_categories=["Cs"]))


def conversation(title: str = "What is it?", name: str | None = None) -> Conversation:
    return Conversation(
        id="7pz5rhgz",
        name=name,
        begun=BEGIN,
        changed=BEGIN,
        about=ABOUT,
        title=title,
        n_answers=1,
        audio_ms=1900,
        usd=0.0312,
        all_priced=True,
    )


def items(question: str, text: str, reason: str = "") -> list[Item]:
    answered = Answered(status="cancelled", reason=reason, audio_file=Path("/a\x1b.wav"), cost=COST, usage=USAGE)
    return [
        Item(number=1, role="user", text=question, at=BEGIN),
        Item(number=2, role="assistant", text=text, at=BEGIN, answer=answered),
    ]


class Scripts(HTMLParser):
    """Collects the names of the elements and the text."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the name."""
        self.names.add(tag)

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += data


def test_markdown_is_for_people() -> None:
    """It has who said what and when, and what is known of each answer."""
    text = export(conversation(name="Work"), items("What is it?", "It is **bold**\x1b[2J.", "Ctrl+C"), "md")
    assert text.startswith("# Work\n\n7pz5rhgz · 2026-11-21 ")
    assert "gpt-realtime at api.openai.com · 1 answer · 1.9 s of audio · $0.0312\n" in text
    assert "\nWhat is it?\n" in text
    assert "\nIt is **bold**\\x1b[2J.\n\n*cancelled: Ctrl+C · $0.0312 · /a\\x1b.wav*\n" in text


def test_what_cost_nothing_is_said_once() -> None:
    """Of the conversation, not of each answer."""
    free = msgspec.structs.replace(COST, input_text=Decimal(), output_audio=Decimal(), usd=Decimal())
    asked, said = items("What is it?", "It is.")
    assert said.answer is not None
    said = attrs.evolve(said, answer=attrs.evolve(said.answer, cost=free))
    text = export(attrs.evolve(conversation(), usd=0.0), [asked, said], "md")
    assert " · it cost nothing\n" in text
    assert "\n*cancelled · /a\\x1b.wav*\n" in text
    assert "$" not in text


def test_json_has_everything(tmp_path: Path) -> None:
    """Programs get the figures and the texts as they were."""
    with opened(tmp_path / "c") as memory:
        kept = memory.begin(ABOUT)
        memory.note(kept, msgspec.structs.replace(answer(text="a\0\u202e", cost=COST), spoken=True, heard="What?"))
        read = json.loads(export(memory.find(kept), memory.items(kept), "json"))
    assert (read["geppetto_conversation"], read["id"], read["instructions"]) == (1, kept, "Be brief.")
    asked, answered = read["items"]
    assert (asked["role"], asked["text"], asked["spoken"], asked["heard"]) == ("user", "What?", True, True)
    assert (answered["text"], answered["status"], answered["session_id"]) == ("a\0\u202e", "completed", "sess_1")
    assert answered["usage"] == USAGE.as_json()
    assert answered["cost"] == COST.as_json()
    assert answered["latency"] == {"first_text_ms": 100.0, "first_audio_ms": 120.5, "done_ms": 500.0}
    assert answered["audio_file"] == "/recordings/audio_20261121_101502.wav"


@given(ANY, ANY)
def test_nothing_that_was_said_is_html(said: str, reason: str) -> None:
    """Elements are ours alone, whatever a model says."""
    parser = Scripts()
    parser.feed(export(conversation(title=said), items("<script>alert(1)</script>", said, reason), "html"))
    ours = {"html", "head", "meta", "title", "style", "body", "header", "h1", "p", "article", "small", "time"}
    assert parser.names == ours
    assert "<script>alert(1)</script>" in parser.text


@pytest.mark.parametrize("form", FORMATS)
@given(said=ANY)
def test_every_text_can_be_written(form: Format, said: str) -> None:
    """A file is UTF-8, and has no control characters for a terminal, but in JSON, where they are escaped."""
    text = export(conversation(title=said, name=said[:5] or None), items(said, said, said), form)
    assert "\x1b" not in text
    assert "\0" not in text
    text.encode()


def test_a_code_that_says_the_same_again_is_left_out() -> None:
    """Of an answer that the person cancelled, that is said once; JSON has the server's reason, too."""
    said = items("Why?", "It", "client_cancelled")
    assert "\n*cancelled · $0.0312" in export(conversation(), said, "md")
    assert '"client_cancelled"' in export(conversation(), said, "json")


def test_a_heading_is_a_short_line() -> None:
    """However a conversation began."""
    assert heading(conversation(title="a\nb " * 100)) == "a b " * 14 + "a  …"
    assert heading(conversation(title="\x1b[2J")) == "\\x1b[2J"
    assert heading(conversation(title="")) == "Conversation 7pz5rhgz"
    assert facts(conversation()).endswith("$0.0312")


@pytest.mark.parametrize(("name", "form"), [("a.HTML", "html"), ("a.json", "json"), ("a.md", "md"), ("a", "md")])
def test_the_name_of_a_file_says_its_format(name: str, form: Format) -> None:
    """What is not known is Markdown."""
    assert format_of(Path(name)) == form
