"""
Results as JUnit XML, the part of it that all CI systems read.

A test case for each question. `failure`: there is an answer, and a check does not hold for it. `error`: there is no
answer; one that the server ended early is one, as everywhere. `system-out` names the files of the answer as
`[[ATTACHMENT|…]]`, which Jenkins and GitLab make links of.
"""

from __future__ import annotations

import html
import json
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import attrs

from geppetto.audio.wav import cannot_write
from geppetto.records.modes import PRIVATE, in_place_of, make_directory
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geppetto.batch.result import Result
    from geppetto.records.modes import FileModes

_KEEPS_ALL: Final = Redactor()
_NAME: Final = "geppetto"
_MAX_TEXT_CHARS: Final = 2000
"""Of one question or answer: all of it is in the manifest."""
_IN_MEMORY_BYTES: Final = 1024 * 1024
_NOT_XML: Final = re.compile("\r\n|[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say (section 2.2), what it advises against, and the CR that it would read as LF."""


@attrs.define
class JUnitReport:
    """
    Collects what is small of each result, from the second MiB on in a file without a name: memory is flat.

    Close it by writing it, or by `close`. Everything blocks, and one thread at a time may call it.
    """

    tests: int = attrs.field(default=0, init=False)
    failures: int = attrs.field(default=0, init=False)
    errors: int = attrs.field(default=0, init=False)
    _total_ms: float = attrs.field(default=0.0, init=False)
    _facts: IO[bytes] = attrs.field(
        factory=partial(tempfile.SpooledTemporaryFile, max_size=_IN_MEMORY_BYTES), init=False, repr=False
    )

    def add(self, result: Result) -> None:
        """
        Take one result.

        Raises:
            OutputFailed: the directory for temporary files takes no more.
        """
        kind, sentences = _verdict(result)
        done_ms = result.latency.done_ms or 0.0
        words = [("Question", result.question), ("Answer", result.answer)] if kind else []
        facts = {
            "id": result.id,
            "done_ms": done_ms,
            "kind": kind,
            "sentences": [_cut(sentence) for sentence in sentences],
            "words": [f"{name}: {_cut(text)}" for name, text in words if text],
            "files": [f"[[ATTACHMENT|{file}]]" for file in (result.audio_file, result.transcript_file) if file],
        }
        try:
            self._facts.write(json.dumps(facts, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise cannot_write(Path(tempfile.gettempdir()), error) from error
        self.tests += 1
        self.failures += kind == "failure"
        self.errors += kind == "error"
        self._total_ms += done_ms

    def write(self, path: Path, modes: FileModes = PRIVATE, redactor: Redactor | None = None) -> None:
        """
        Write the report to *path*, in place of what was there; blocks.

        A reader finds the old file or the new one, never a part. A device or a pipe is written to, not replaced.

        Args:
            path: Where to.
            modes: Permissions of the new file, less the umask.
            redactor: Takes the key out.

        Closes: the report; no result can be added any more, whatever comes of this.

        Raises:
            OutputFailed: *path* cannot be written; what was there is unchanged.
        """
        try:
            with self._facts:
                make_directory(path.absolute().parent, modes.directory)
                with in_place_of(path, modes.file) as file:
                    for piece in self._xml(redactor or _KEEPS_ALL):
                        file.write(piece.encode())
        except OSError as error:
            raise cannot_write(path, error) from error

    def close(self) -> None:
        """Forget everything, without a report."""
        self._facts.close()

    def _xml(self, redactor: Redactor) -> Iterator[str]:
        """Yield the document. Times are in seconds, and those of the answers added up: sessions run side by side."""
        counts = f'tests="{self.tests}" failures="{self.failures}" errors="{self.errors}"'
        totals = f'name="{_NAME}" {counts} skipped="0" time="{self._total_ms / 1000:.3f}"'
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f"<testsuites {totals}>\n<testsuite {totals}>\n"
        self._facts.seek(0)
        for line in self._facts:
            yield _case(json.loads(line), redactor)
        yield "</testsuite>\n</testsuites>\n"


def _verdict(result: Result) -> tuple[str, list[str]]:
    """Return the element that *result* is told by, none if all is well, and why."""
    if not result.answered:
        why = f"{result.status}: {result.reason}" if result.reason else result.status
        return "error", [why, *result.failed_checks]
    return ("failure" if result.failed_checks else ""), list(result.failed_checks)


# The facts come from `add` above, by way of a file.
def _case(facts: dict[str, object], redactor: Redactor) -> str:
    def lines(key: str) -> str:
        value = facts[key]
        assert isinstance(value, list)
        return _clean("\n".join(value), redactor)

    name, kind = _clean(str(facts["id"]), redactor), facts["kind"]
    assert isinstance(facts["done_ms"], int | float)
    inside = ""
    if kind:
        text = "\n".join(filter(None, (lines("sentences"), lines("words"))))
        message = lines("sentences").split("\n")[0]
        inside += f'<{kind} message="{_attribute(message)}">{html.escape(text)}</{kind}>'
    if files := lines("files"):
        inside += f"<system-out>{html.escape(files)}</system-out>"
    head = f'testcase classname="{_NAME}" name="{_attribute(name)}" time="{facts["done_ms"] / 1000:.3f}"'
    return f"<{head}>{inside}</testcase>\n" if inside else f"<{head}/>\n"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else f"{text[:_MAX_TEXT_CHARS]}…"


def _clean(text: str, redactor: Redactor) -> str:
    r"""Return *text* without the key, and with what XML cannot say made visible, as `\x1b` or `\ud800`."""
    return _NOT_XML.sub(_visible, redactor.clean(text))


def _visible(match: re.Match[str]) -> str:
    if match[0] == "\r\n":
        return "\n"
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _attribute(text: str) -> str:
    """Return *text* for an attribute, where a reader would take a line's end or a tab for a space."""
    return html.escape(text).replace("\n", "&#10;").replace("\t", "&#9;")
