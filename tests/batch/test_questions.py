"""Lines of input, good and bad, become questions and the reasons why not."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.batch.ask import Ask, BadLine
from geppetto.batch.questions import QuestionParser
from geppetto.tasks.stdin import LineSplitter, LineTooLong
from geppetto.text import escape_line

if TYPE_CHECKING:
    from geppetto.batch.questions import InputFormat

FORMATS = st.sampled_from(("auto", "lines", "jsonl"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
WORDS = TEXTS.map(str.strip).filter(bool)
MOSTLY_WORDS = st.one_of(st.none(), TEXTS)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, object]:
    """Return what a careful person writes, without an id."""
    fields: dict[str, object] = {"question": draw(WORDS)}
    for key in ("instructions", "voice"):
        if (text := draw(MOSTLY_WORDS)) is not None:
            fields[key] = text
    if draw(st.booleans()):
        fields["audio_file"] = draw(WORDS)
    if draw(st.booleans()):
        fields["expect"] = draw(st.sampled_from(("84", r"\bParis\b", "(?i)ja|nein", "")))
    if draw(st.booleans()):
        fields["max_first_audio_ms"] = draw(st.floats(min_value=0.1, max_value=1e6) | st.integers(1, 10**6))
    return fields


def parsed(*lines: str, form: InputFormat = "jsonl") -> list[Ask | BadLine | None]:
    """Return what *lines* are."""
    parser = QuestionParser(form)
    return [parser.parse(line) for line in lines]


def why(*lines: str) -> str:
    """Return the reason why the last of *lines* is no question."""
    bad = parsed(*lines)[-1]
    assert isinstance(bad, BadLine)
    return bad.why


def test_each_line_is_a_question() -> None:
    """Blank lines count as lines of the file, and not as questions."""
    assert parsed("  What is 12 times 7?\r", "", " \t", "And 13?", form="auto") == [
        Ask(index=1, id="1", question="What is 12 times 7?", line=1),
        None,
        None,
        Ask(index=2, id="2", question="And 13?", line=4),
    ]


@pytest.mark.parametrize("word", [".quit", " .exit "])
def test_quit_ends_the_input(word: str) -> None:
    """What stands behind it is not asked."""
    parser = QuestionParser()
    assert [parser.parse("One?") is None, parser.parse(word), parser.parse("Two?"), parser.over] == [
        False,
        None,
        None,
        True,
    ]


def test_quit_is_no_word_of_json() -> None:
    """There it is a line like any other, and not JSON."""
    parser = QuestionParser("jsonl")
    assert isinstance(parser.parse(".quit"), BadLine)
    assert not parser.over


def test_all_fields_of_a_question() -> None:
    """Every key has its place."""
    fields = {
        "id": "sums/1",
        "question": " What is 12 times 7? ",
        "instructions": "Be short.",
        "voice": "cedar",
        "audio_file": "questions/1.wav",
        "expect": r"\b84\b",
        "max_first_audio_ms": 800,
    }
    assert parsed(json.dumps(fields), form="auto") == [
        Ask(
            index=1,
            id="sums/1",
            question="What is 12 times 7?",
            line=1,
            instructions="Be short.",
            voice="cedar",
            audio_file=Path("questions/1.wav"),
            expect=r"\b84\b",
            max_first_audio_ms=800.0,
        )
    ]


def test_null_is_a_field_that_is_not_there() -> None:
    """A program that writes all keys need not leave any out."""
    line = json.dumps(
        dict.fromkeys(("id", "instructions", "voice", "expect", "max_first_audio_ms")) | {"question": "x"}
    )
    assert parsed(line) == [Ask(index=1, id="1", question="x", line=1)]


def test_a_spoken_question_needs_no_text() -> None:
    """The audio file is the question then."""
    (ask,) = parsed('{"audio_file": "q.wav"}', form="auto")
    assert isinstance(ask, Ask)
    assert (ask.question, ask.text) == ("", "q.wav")


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ('{"question": "x"}', "jsonl"),
        ('{"audio_file": "x.wav", "id": 1}', "jsonl"),
        ('{"question": "x",}', "jsonl"),
        ('{"id": 1, "question": "x', "jsonl"),
        ('{"qestion": "x"}', "jsonl"),
        ('{"Question": "x"}', "jsonl"),
        ("What does {} mean?", "lines"),
        ("{} is what?", "lines"),
        ('{"a": 1}', "lines"),
        ('["question"]', "lines"),
        ("{" * 5000, "lines"),
    ],
)
def test_the_first_line_decides_on_the_format(line: str, form: str) -> None:
    """JSON with a slip in it is still meant as JSON: it is not asked as it stands."""
    parser = QuestionParser()
    assert parser.parse("") is None
    assert parser.format == "auto"
    parser.parse(line)
    assert parser.format == form


def test_a_line_that_is_too_long_is_skipped() -> None:
    """It takes a number, and the format is still open after it."""
    parser = QuestionParser()
    bad = parser.parse(LineTooLong())
    assert bad == BadLine(index=1, line=1, id="1", why="line 1 has more than 8,388,608 characters; it was skipped")
    assert parser.parse('{"question": "x"}') == Ask(index=2, id="2", question="x", line=2)


@pytest.mark.parametrize("form", ["lines", "jsonl"])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_cannot_be_sent_is_refused(text: str, form: InputFormat) -> None:
    """The NUL of a file in UTF-16, and half of a pair that UTF-8 has no bytes for."""
    (bad,) = parsed(text if form == "lines" else json.dumps({"question": text}), form=form)
    assert isinstance(bad, BadLine)
    assert "NUL" in bad.why or "surrogate" in bad.why


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"question": "x"', "is not JSON (expecting ',' delimiter at character 17)"),
        ("What?", "is not JSON (expecting value at character 1)"),
        ('["x"]', "is not a JSON object but a list"),
        ("84", "is not a JSON object but a number"),
        ("{}", "has no 'question'"),
        ('{"question": " "}', "has an empty 'question'"),
        ('{"audio_file": " "}', "has an empty 'audio_file'"),
        ('{"question": 7}', "has a 'question' that is a number, not a text"),
        ('{"question": "x", "voice": ["a"]}', "has a 'voice' that is a list, not a text"),
        ('{"question": "x", "audio_file": {}}', "has an 'audio_file' that is an object, not a text"),
        ('{"question": "x", "instruction": "y"}', "has an unknown key 'instruction' (did you mean 'instructions'?)"),
        ('{"QUESTION": "x"}', "has an unknown key 'QUESTION' (did you mean 'question'?)"),
        ('{"question": "x", "question": "y"}', "has the key 'question' twice"),
        ('{"question": "x", "max_first_audio_ms": "9"}', "that is a text, not a number"),
        ('{"question": "x", "max_first_audio_ms": true}', "that is true or false, not a number"),
        ('{"question": "x", "max_first_audio_ms": 0}', "that is not above zero, or too large"),
        ('{"question": "x", "max_first_audio_ms": 1e999}', "that is not above zero, or too large"),
        ('{"question": "x", "max_first_audio_ms": 1%s}' % ("0" * 350), "that is not above zero, or too large"),
        ('{"question": "x", "max_first_audio_ms": NaN}', "is not JSON (NaN is no number of JSON)"),
        ('{"question": "x", "id": 1%s}' % ("0" * 5000), "has a number of more than 400 digits"),
        ('{"question": "x", "expect": "(a"}', "is not a regular expression (missing ), unterminated subpattern"),
        (
            '{"question": "x", "expect": "a{99999999999999999999}"}',
            "has an 'expect' that is not a regular expression",
        ),
        ('{"question": "x", "id": ""}', "has an empty 'id'"),
        ('{"question": "x", "id": true}', "has an 'id' that is true or false, not a text"),
        ('{"question": "x", "id": 1e999}', "has an 'id' that is too large a number"),
        ('{"question": "x", "id": "a\\u001b[2J"}', "has an 'id' with a control character in it"),
        ('{"question": "x", "id": "a\\nb"}', "has an 'id' with a control character in it"),
        ('{"question": "x", "id": "\\ud800"}', "has an 'id' with a control character in it"),
        ('{"question": "x", "id": "%s"}' % ("a" * 201), "has an 'id' of more than 200 characters"),
    ],
)
def test_what_is_wrong_with_a_line(line: str, reason: str) -> None:
    """The sentence names the line, the key, and what was probably meant."""
    sentence = why(line)
    assert sentence.startswith("line 1 ")
    assert reason in sentence
    assert sentence.endswith("; it was skipped")


def test_an_unknown_key_that_resembles_none() -> None:
    """All keys are told, and a long one is cut."""
    assert "(there are id, question, instructions, voice," in why('{"question": "x", "temperature": 1}')
    assert len(why(json.dumps({"question": "x", "k" * 100_000: 1}))) < 250


@pytest.mark.parametrize("nest", ["[", '{"question":'])
def test_deep_nesting_is_refused(nest: str) -> None:
    """A line that would take the interpreter's stack is one bad line."""
    assert "line 1 is nested too deeply" in why(nest * 200_000)


def test_an_expression_that_python_will_read_otherwise_is_taken() -> None:
    """A warning about it is not for those who run the program."""
    (ask,) = parsed('{"question": "x", "expect": "[[a]"}')
    assert isinstance(ask, Ask)


@pytest.mark.parametrize(
    ("given_id", "text"), [(7, "7"), (-7, "-7"), (1.5, "1.5"), ("é 1", "é 1"), ("a" * 200, "a" * 200)]
)
def test_ids_are_texts(given_id: object, text: str) -> None:
    """A number is taken as it is written."""
    (ask,) = parsed(json.dumps({"id": given_id, "question": "x"}))
    assert isinstance(ask, Ask)
    assert ask.id == text


def test_an_id_that_was_there_before() -> None:
    """The second line of an id is refused, under an id that none has, so that its result hides no other."""
    first, second = parsed('{"id": "a", "question": "x"}', '{"id": "a", "question": "y"}')
    assert isinstance(first, Ask)
    assert second == BadLine(index=2, line=2, id="2", why="line 2 has the id 'a' of an earlier line; it was skipped")


def test_a_number_and_its_text_are_one_id() -> None:
    """A question without an id has its number for one."""
    assert "line 2 has the id '1'" in why('{"question": "x"}', '{"id": 1, "question": "y"}')
    assert "line 2 has no id, and its number 2 is" in why('{"id": "2", "question": "x"}', '{"question": "y"}')


def test_a_bad_line_has_its_id_if_it_can_be_read() -> None:
    """So it is found again in the results."""
    (bad,) = parsed('{"id": "sum", "question": 7}')
    assert isinstance(bad, BadLine)
    assert bad.id == "sum"
    *_, bad = parsed('{"question": "x"}', '{"question": 7}')
    assert isinstance(bad, BadLine)
    assert bad.id == "2"


def test_the_id_of_a_bad_line_is_no_ones_before_it() -> None:
    """Its result would hide theirs; a question behind it may have its number for an id, and is asked."""
    *_, bad = parsed('{"id": "3", "question": "x"}', '{"id": "line 3", "question": "x"}', "{")
    assert isinstance(bad, BadLine)
    assert bad.id == "line 3'"
    assert [type(thing) for thing in parsed("{", '{"id": 1, "question": "x"}')] == [BadLine, Ask]


def test_mending_a_line_moves_no_other() -> None:
    """Malformed lines take their numbers, too."""
    assert [thing.id for thing in parsed("{", '{"question": "x"}') if thing is not None] == ["1", "2"]


@settings(deadline=None)
@given(data=st.binary(max_size=200) | TEXTS.map(str.encode), form=FORMATS)
def test_any_bytes_are_questions_or_bad_lines(data: bytes, form: InputFormat) -> None:
    """Nothing raises; each line that is not blank has the next number; what is told is safe to be shown."""
    parser = QuestionParser(form)
    index = 0
    for number, line in enumerate(LineSplitter().feed(data, final=True), 1):
        thing = parser.parse(line)
        blank = not isinstance(line, LineTooLong) and not line.strip()
        if parser.over:
            break
        assert (thing is None) == blank
        if thing is not None:
            index += 1
            assert (thing.index, thing.line) == (index, number)
            assert escape_line(thing.id) == thing.id
            if isinstance(thing, Ask):
                thing.question.encode()


@settings(deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(("id", "question", "expect", "audio_file", "max_first_audio_ms", "x")),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3),
    )
)
def test_any_object_is_a_question_or_a_bad_line(fields: dict[str, object]) -> None:
    """Whatever types a program writes."""
    (thing,) = parsed(json.dumps(fields))
    assert isinstance(thing, Ask | BadLine)


@settings(deadline=None)
@given(st.lists(st.tuples(objects(), st.sampled_from(("", "  "))), max_size=5))
def test_valid_objects_come_back_as_they_were(pairs: list[tuple[dict[str, object], str]]) -> None:
    """Each field is what was written, and blank lines between them change nothing."""
    parser = QuestionParser("jsonl")
    for index, (fields, blank) in enumerate(pairs, 1):
        assert parser.parse(blank) is None
        ask = parser.parse(json.dumps(fields | {"id": f"id {index}"}, ensure_ascii=index % 2 == 0))
        assert isinstance(ask, Ask)
        back = {
            "question": ask.question,
            "instructions": ask.instructions,
            "voice": ask.voice,
            "audio_file": None if ask.audio_file is None else Path(ask.audio_file),
            "expect": ask.expect,
            "max_first_audio_ms": ask.max_first_audio_ms,
        }
        audio_file = fields.get("audio_file")
        wanted = fields | {"audio_file": None if audio_file is None else Path(str(audio_file))}
        assert back == dict.fromkeys(back) | wanted
        assert (ask.index, ask.id, ask.line) == (index, f"id {index}", 2 * index)


def test_many_ids_take_little_memory() -> None:
    """About a hundred bytes each, however long they are."""
    parser = QuestionParser("jsonl")
    tracemalloc.start()
    try:
        for number in range(10_000):
            parser.parse(json.dumps({"id": f"{number:0200d}", "question": "x"}))
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used_bytes < 10_000 * 200
