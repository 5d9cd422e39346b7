"""What must be true after a session, whatever went wrong in it."""

from __future__ import annotations

import itertools
import traceback
import wave
from typing import TYPE_CHECKING

import attrs

from geppetto.errors import ConnectionLost, OutputFailed, ServerRefused
from tests.chaos.witness import Witness, files_of, masked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from geppetto.errors import GeppettoError
    from tests.chaos.server import ChaosServer
    from tests.chaos.user import User

    Files = tuple[bytes, str]
    """PCM and words of an answer."""

_NO_TRANSCRIPT = "No transcript available"
_STEM_CHARS = 14
"""As much of the key as nothing may show."""


@attrs.define(kw_only=True)
class Evidence:
    """All that is known of a session that is over."""

    server: ChaosServer
    user: User
    error: GeppettoError | None
    """What `open_chat` raised."""
    cwd: Path
    key: str | None
    logged: list[str]
    """What went to the logger."""
    witness: Witness = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Read the wire log; blocks."""
        self.witness = Witness.of(
            self.cwd / "logs", {link.session_id: link.sent for link in self.server.links}, self.key
        )

    @property
    def output_dir(self) -> Path:
        """Where WAVs and transcripts are."""
        return self.cwd / "audio_output"


def check(evidence: Evidence) -> list[str]:
    """Return what is wrong with a session, a sentence each."""
    checks = (_files, _messages, _questions, _answers, _key)
    return list(itertools.chain.from_iterable(one(evidence) for one in checks))


def _files(evidence: Evidence) -> Iterator[str]:
    """All that was heard is in files, byte for byte, and nothing else; each has its name."""
    output = evidence.output_dir
    if unfinished := [path.name for path in output.glob("*") if path.suffix not in {".wav", ".txt"}]:
        yield f"unfinished files: {unfinished}"
    stems = {suffix: {path.stem for path in output.glob(f"*{suffix}")} for suffix in (".wav", ".txt")}
    if lone := stems[".wav"] - stems[".txt"]:
        yield f"audio without a transcript: {lone}"
    on_disk = sorted(_read(path) for path in output.glob("*.txt"))
    on_disk = [files for files in on_disk if files != (b"", "")]  # a whole answer without a sound or a word
    received = files_of(evidence.witness.heard)
    if on_disk != received:
        only_on_disk, only_received = _without(on_disk, received), _without(received, on_disk)
        yield f"files differ: only on disk: {only_on_disk}; only received: {only_received}"
    if isinstance(evidence.error, OutputFailed):
        yield f"the disk was blamed: {evidence.error}"


def _messages(evidence: Evidence) -> Iterator[str]:
    """The client read what was sent, in its order; and all of it where the server's goodbye was the end."""
    yield from evidence.witness.strange
    for link in evidence.server.links:
        n_got = evidence.witness.n_messages.get(link.session_id, 0)
        went_on = link.number < evidence.server.tries or isinstance(evidence.error, ConnectionLost | ServerRefused)
        heard_goodbye = link.close_sent is not None and link.close_seen == link.close_sent != 1000 and went_on
        if heard_goodbye and n_got < len(link.sent):
            yield f"{link.session_id}: {len(link.sent) - n_got} of {len(link.sent)} messages before the Close lost"


def _questions(evidence: Evidence) -> Iterator[str]:
    """Every question ends answered or reported, unless it was taken back; and errors have a reason."""
    asked = evidence.user.asked
    for one in asked:
        if one.answer is None and one.error is None and not one.taken_back and evidence.error is None:
            yield f"{one.question} vanished in a chat that ended well"
        if one.error is not None and evidence.error is None:
            yield f"{one.question} failed in a chat that ended well: {one.error!r}"


def _answers(evidence: Evidence) -> Iterator[str]:
    """An answer is what came, what is in its files, and nobody else's."""
    answers = evidence.user.answers
    for one, other in itertools.combinations(answers, 2):
        if {one.audio_file, one.transcript_file} & {other.audio_file, other.transcript_file} - {None}:
            yield f"two answers share a file: {one.question} {other.question}"
    for answer in answers:
        heard = [one for one in evidence.witness.heard if one.response_id == answer.response_id]
        files = (b"", "") if answer.transcript_file is None else _read(answer.transcript_file)
        if files != (b"", "") and files not in [(one.whole_pcm, one.text) for one in heard]:
            yield f"the files of {answer.question} are not those of {answer.response_id!r}"
        if masked(answer.text, evidence.key).strip() != files[1].strip():
            yield f"{answer.question}: the answer says {answer.text!r}, its file {files[1]!r}"
        if answer.status == "completed" and "completed" not in {one.status for one in heard}:
            yield f"{answer.question} is said to be completed"
        if answer.audio_file is None and files[0]:
            yield f"{answer.question} has audio and no file"


def _key(evidence: Evidence) -> Iterator[str]:
    """The key goes to the server, and is in no file, line or exception, whatever the server says."""
    wanted = f"Bearer {evidence.key}" if evidence.key is not None else None
    for link in evidence.server.links:
        if link.asked_in and link.authorization != wanted:
            yield f"{link.session_id} was given {link.authorization!r}"
    if evidence.key is None:
        return
    stem = evidence.key[:_STEM_CHARS]
    for path in evidence.cwd.rglob("*"):
        if stem in path.name or (path.is_file() and stem.encode() in path.read_bytes()):
            yield f"the key is in {path.name}"
    if any(stem in line for line in evidence.logged):
        yield "the key went to the logger"
    errors = [evidence.error, *(one.error for one in evidence.user.asked)]
    if any(stem in "".join(traceback.format_exception(error)) for error in errors if error is not None):
        yield "an exception shows the key"


def _read(transcript: Path) -> Files:
    text = transcript.read_text(encoding="utf-8").partition("Transcript:\n")[2].removesuffix("\n")
    text = "" if text == _NO_TRANSCRIPT else text
    audio = transcript.with_suffix(".wav")
    if not audio.exists():
        return b"", text
    with wave.open(str(audio), "rb") as wav:
        return wav.readframes(wav.getnframes()), text


def _without(some: list[Files], others: list[Files]) -> list[str]:
    """Return *some* without *others*, shortened for a person."""
    rest, only = list(others), []
    for files in some:
        if files in rest:
            rest.remove(files)
        else:
            only.append(f"{len(files[0])} bytes, {files[1][:60]!r}")
    return only
