"""Where the questions of a run come from: a descriptor that is read as they are wanted, or words."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from geppetto.batch.ask import Ask
from geppetto.batch.questions import QuestionParser
from geppetto.errors import ConfigError
from geppetto.tasks.stdin import MAX_LINE_CHARS, LineTooLong, read_lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from geppetto.batch.ask import BadLine
    from geppetto.batch.questions import InputFormat


async def questions_of(fd: int | None, input_format: InputFormat) -> AsyncGenerator[Ask | BadLine, None]:
    """
    Yield the questions that come from *fd*, until its end or `.quit`; nothing is read before it is wanted.

    None as *fd* is a stdin that was closed: no question comes from there.

    Raises:
        ConfigError: *fd* cannot be read.
    """
    if fd is None:
        return
    parser = QuestionParser(input_format)
    async with aclosing(read_lines(fd)) as lines:
        async for line in lines:
            parsed = parser.parse(line)
            if parser.over:
                break
            if parsed is not None:
                yield parsed


async def one_question(text: str) -> AsyncGenerator[Ask | BadLine, None]:
    """Yield *text* as the one question."""
    await trio.lowlevel.checkpoint()
    yield Ask(index=1, id="1", question=text.strip(), line=1)


async def whole_question(fd: int) -> AsyncGenerator[Ask | BadLine, None]:
    """
    Yield all that comes from *fd* as one question.

    Raises:
        ConfigError: *fd* cannot be read, or holds nothing, or too much.
    """
    lines: list[str] = []
    chars = 0
    async with aclosing(read_lines(fd)) as found:
        async for line in found:
            chars += MAX_LINE_CHARS + 1 if isinstance(line, LineTooLong) else len(line) + 1
            if chars > MAX_LINE_CHARS:
                msg = f"The question has more than {MAX_LINE_CHARS:,} characters. Ask a shorter one."
                raise ConfigError(msg)
            lines.append(str(line))
    text = "\n".join(lines).strip()
    if not text:
        msg = "There is no question on stdin. Pipe one in, or write it behind `geppetto ask`."
        raise ConfigError(msg)
    yield Ask(index=1, id="1", question=text, line=1)
