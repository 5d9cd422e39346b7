"""What is read back from the disk: logs, transcripts, and what `kill -9` leaves."""

from __future__ import annotations

import io
import json
import shutil
import wave
from datetime import UTC
from typing import TYPE_CHECKING, Final

from geppetto.audio.pcm import whole_frames_bytes
from geppetto.audio.wav import HEADER_BYTES
from geppetto.records.logview import lines_of, read_entries, render
from geppetto.records.repair import repair
from geppetto.records.transcript import render_transcript, words_in
from geppetto.records.trimming import trim_audio
from geppetto.records.wirelog import LogEntry
from geppetto.redaction import Redactor
from tests.fuzz.bits import SECRET, WHEN, check_shown, scratch, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SUFFIXES: Final = (
    ".wav.part", ".txt.part", ".txt.0a1b.part", "_partial.txt.0a1b.part",
    ".wav", "_partial.wav", ".txt", "_partial.txt", "_2.wav.part", "_2_partial.wav",
)  # fmt: skip


def log_lines(data: bytes) -> None:
    """Each line of a log is an entry that can be shown, or damage that is told."""
    results = list(read_entries(lines_of(io.BytesIO(data), 2000), 2000))
    assert len(results) <= data.count(b"\n") + 1
    for result in results:
        if isinstance(result, LogEntry):
            check_shown(render(result, zone=UTC))
            shown = render(result, brief=True, zone=UTC)
            check_shown(shown)
            assert shown.count("\n") == 1
        else:
            assert result.why


def trimming(data: bytes) -> None:
    """Trimmed JSON is JSON without the payloads; what is not JSON is survived."""
    kind = ("response.output_audio.delta", "response.audio.delta", "conversation.item.retrieved")[len(data) % 3]
    text = text_of(data)
    trimmed = trim_audio(text, kind)
    try:
        before: object = json.loads(text)
    except (ValueError, RecursionError):
        return
    after: object = json.loads(trimmed)
    if isinstance(before, dict):
        assert isinstance(after, dict)
        assert before.keys() == after.keys()
        for name in {"audio", "delta"} & before.keys():
            is_payload = name == ("delta" if kind.endswith("audio.delta") else "audio")
            if is_payload and isinstance(before[name], str):
                assert str(after[name]).startswith("[trimmed: ")
            elif isinstance(before[name], str):
                assert after[name] == before[name]


def leftovers(data: bytes) -> None:
    """A repair of any files raises nothing, keeps audio and words, overwrites nothing, and is done after one run."""
    directory = scratch() / "audio_output"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    before = _leave(directory, data)
    kinds = {deed.kind for deed in repair(directory)}
    assert "failed" not in kinds
    assert "in use" not in kinds
    after = {path.name: path.read_bytes() for path in directory.iterdir()}
    for name, content in before.items():
        if not name.endswith(".part"):
            assert after.get(name) == content, f"{name} was touched"
    new = {name: content for name, content in after.items() if name not in before}
    for name in new:
        assert name.endswith((".wav", ".txt"))
    if "left alone" not in kinds:
        _check_kept(before, after, new)
    again = [deed for deed in repair(directory) if deed.kind != "left alone"]
    assert not again, again


def transcripts(data: bytes) -> None:
    """The words of a transcript that was cut anywhere are read, and can be written again as they are."""
    words = words_in(data)
    assert words_in(data + bytes(9)) == words, "what a power cut leaves is no words"
    rendered = render_transcript(WHEN, None, words, "cut").encode()
    again = words_in(rendered)
    assert words_in(render_transcript(WHEN, None, again, "cut").encode()) == again
    redacted = Redactor.of([SECRET]).stream()
    pieces = [redacted.feed(words[at : at + 3]) for at in range(0, len(words), 3)]
    assert SECRET not in "".join(pieces) + redacted.flush()


def _leave(directory: Path, data: bytes) -> dict[str, bytes]:
    """Make the files that *data* describes: a byte and two of a length before each content; return them."""
    stem = "audio_20261121_101502"
    files: dict[str, bytes] = {}
    while len(data) >= 3 and len(files) < 6:
        which, size_bytes = data[0], int.from_bytes(data[1:3], "little")
        content, data = data[3 : 3 + size_bytes], data[3 + size_bytes :]
        if which >= 240:  # the time of a name may be any digits
            digits = "".join(str(byte % 10) for byte in content[:14]).ljust(14, "0")
            stem = f"audio_{digits[:8]}_{digits[8:]}"
            continue
        files[stem + _SUFFIXES[which % len(_SUFFIXES)]] = content
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return files


def _check_kept(before: Mapping[str, bytes], after: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Check that each byte of audio and each word of the leftovers is in a file."""
    sounds = []
    for name, content in new.items():
        if name.endswith(".wav"):
            with wave.open(io.BytesIO(content)) as file:
                sounds.append(file.readframes(file.getnframes()))
    for name, content in before.items():
        if name.endswith(".wav.part") and len(content) > HEADER_BYTES + 1:
            pcm = content[HEADER_BYTES:][: whole_frames_bytes(len(content) - HEADER_BYTES)]
            assert after.get(name) == content or pcm in sounds, f"the audio of {name} is gone"
        stem = name.removesuffix(".txt.part")
        written = {f"{stem}.txt", f"{stem}_partial.txt"} & before.keys()
        words = words_in(content)
        if name.endswith(".txt.part") and words.strip() and not written:
            kept = words_in(render_transcript(WHEN, None, words, "killed").encode())
            said = [words_in(text) for other, text in new.items() if other.endswith(".txt")]
            assert after.get(name) == content or kept in said, f"the words of {name} are gone"
