"""
Lines of input become questions.

Two formats. `lines`: each line that is not blank is a question; `.quit` ends the input. `jsonl`: each is a JSON
object with `id`, `question`, `instructions`, `voice`, `audio_file`, `expect`, `max_first_audio_ms`, of which only a
question or an audio file must be there. A line that is wrong is a `BadLine`, and the next one goes on.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal, get_args

import msgspec

from geppetto.batch.ask import Ask, BadLine
from geppetto.batch.fields import Wrong, looks_like_fields, read_fields, read_id, refuse_unsendable
from geppetto.tasks.stdin import LEAVE_WORDS, MAX_LINE_CHARS, LineTooLong

InputFormat = Literal["auto", "lines", "jsonl"]
INPUT_FORMATS: Final[tuple[InputFormat, ...]] = get_args(InputFormat)
_DIGEST_BYTES: Final = 16


class QuestionParser(msgspec.Struct):
    """
    Takes one line after another.

    Its memory grows by about 100 bytes for each line of JSON, and not at all in the other format.
    """

    format: InputFormat = "auto"
    """`auto` until the first line that is not blank has decided."""
    over: bool = False
    """Whether `.quit` ended the input; every line after it is taken for blank."""
    _lines: int = 0
    _index: int = 0
    _seen: set[bytes] = msgspec.field(default_factory=set)
    """Digests of the ids, so that a hundred thousand of them take little memory."""

    def parse(self, line: str | LineTooLong) -> Ask | BadLine | None:
        """Return what *line* is; None for a blank one, the one that ends the input, and those behind it."""
        self._lines += 1
        if self.over:
            return None
        if isinstance(line, LineTooLong):
            self._index += 1
            return self._bad(None, f"has more than {MAX_LINE_CHARS:,} characters")
        text = line.strip()
        if not text:
            return None
        if self.format == "auto":
            self.format = "jsonl" if looks_like_fields(text) else "lines"
        if self.format == "lines" and text in LEAVE_WORDS:
            self.over = True
            return None
        self._index += 1
        return self._plain(text) if self.format == "lines" else self._object(text)

    def _plain(self, text: str) -> Ask | BadLine:
        try:
            refuse_unsendable(text)
        except Wrong as wrong:
            return self._bad(None, str(wrong))
        return Ask(index=self._index, id=str(self._index), question=text, line=self._lines)

    def _object(self, text: str) -> Ask | BadLine:
        given_id: str | None = None
        try:
            fields = read_fields(text)
            given_id = read_id(fields)
            own_id = str(self._index) if given_id is None else given_id
            if not self._note(own_id):
                why = f"has the id {own_id!r} of an earlier line"
                if given_id is None:
                    why = f"has no id, and its number {own_id} is the id of an earlier line"
                given_id = None  # two results of one id could not be told apart
                raise Wrong(why)
            given_id = own_id  # nobody else has it: a line that is wrong in another way keeps it
            return fields.ask(index=self._index, given_id=own_id, line=self._lines)
        except Wrong as wrong:
            return self._bad(given_id, str(wrong))

    def _bad(self, given_id: str | None, what: str) -> BadLine:
        """
        Return the line that cannot be asked, under an id that no question before it has.

        A later question may have it: then it is that one's, and the line is not worth refusing a question for.
        """
        own_id = given_id
        if own_id is None:
            own_id = str(self._index)
            if _digest(own_id) in self._seen:
                own_id = f"line {self._lines}"
            while _digest(own_id) in self._seen:
                own_id += "'"
        return BadLine(
            index=self._index, line=self._lines, id=own_id, why=f"line {self._lines} {what}; it was skipped"
        )

    def _note(self, own_id: str) -> bool:
        """Remember *own_id*; return whether it is new."""
        digest = _digest(own_id)
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True


def _digest(own_id: str) -> bytes:
    return hashlib.blake2b(own_id.encode(), digest_size=_DIGEST_BYTES).digest()
