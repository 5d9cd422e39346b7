"""The support bundle: what helps is in it, and what is nobody else's business is not."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.config import ClientConfig
from geppetto.doctor.bundle import (
    TAIL_LINES,
    bundle_settings,
    log_tail,
    newest_log,
    read_tail,
    shown_url,
    write_bundle,
)
from geppetto.errors import ConfigError, OutputFailed
from geppetto.records.wirelog import WireLog
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123"
SECRET_WORDS = "Where did Maria hide the letters"
NOTHING = Redactor()

CONVERSATION: list[dict[str, object]] = [
    {"type": "session.update", "session": {"instructions": SECRET_WORDS, "audio": {"output": {"voice": "marin"}}}},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": SECRET_WORDS}]},
    },
    {"type": "response.output_audio_transcript.delta", "response_id": "resp_1", "delta": SECRET_WORDS},
    {"type": "error", "error": {"type": "invalid_request_error", "code": "bad_value", "message": SECRET_WORDS}},
    {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "metadata": {SECRET_WORDS: "x"}}},
    {"type": "response.create", "response": {"tools": [{"name": "f", "description": SECRET_WORDS}]}},
    {"type": SECRET_WORDS, SECRET_WORDS: {"name": SECRET_WORDS, "id": SECRET_WORDS}},
    {"type": "response.done", "response": {"usage": {"total_tokens": 72}, "output": [{"name": SECRET_WORDS}]}},
]


def logged(directory: Path, *events: Mapping[str, object]) -> Path:
    """Write *events* into a wire log and return its path."""
    log = WireLog.open(directory, datetime.now(UTC), log_audio=True)
    for event in events:
        log.note("sent", str(event["type"]), json.dumps(event), datetime.now(UTC))
    log.close()
    return log.path


def test_the_log_keeps_no_texts(tmp_path: Path) -> None:
    """Types, codes, ids and numbers stay; whatever a person said, or a server said of it, becomes its length."""
    tail = log_tail(read_tail(logged(tmp_path, *CONVERSATION)), NOTHING, texts=False)
    for word in SECRET_WORDS.split():
        assert word not in tail
    lines = [json.loads(line) for line in tail.splitlines()]
    assert len(lines) == len(CONVERSATION)
    assert lines[0]["message"]["session"]["audio"]["output"]["voice"] == "marin"
    assert lines[1]["message"]["item"]["content"][0] == {"type": "input_text", "text": "[32 characters]"}
    assert lines[2]["message"]["response_id"] == "resp_1"
    assert lines[3]["message"]["error"]["code"] == "bad_value"
    assert lines[7]["message"]["response"]["usage"] == {"total_tokens": 72}


def test_texts_are_kept_when_they_are_asked_for(tmp_path: Path) -> None:
    """But neither audio nor the key, even where the log has them."""
    sound: dict[str, object] = {"type": "input_audio_buffer.append", "audio": "QUJD" * 50}
    said: dict[str, object] = {"type": "response.output_text.delta", "delta": f"{SECRET_WORDS} {KEY}"}
    tail = log_tail(read_tail(logged(tmp_path, sound, said)), Redactor.of([KEY]), texts=True)
    assert SECRET_WORDS in tail
    assert KEY not in tail
    assert "QUJD" not in tail
    assert "[trimmed: 150 bytes]" in tail


@given(
    st.lists(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps({"raw_json": text}).encode()))
)
def test_a_damaged_log_is_no_obstacle(lines: list[bytes]) -> None:
    """Whatever a line holds, each becomes one line of JSON."""
    for texts in (False, True):
        tail = log_tail(b"\n".join(lines), NOTHING, texts=texts)
        assert all(isinstance(json.loads(line), dict) for line in tail.split("\n")[:-1])


def test_only_the_end_of_the_newest_log(tmp_path: Path) -> None:
    """Of several logs the last one, of many lines the last ones, of a line without end its length."""
    assert newest_log(tmp_path / "nowhere") is None
    old = logged(tmp_path, *CONVERSATION)
    os.utime(old, (1, 1))
    new = logged(tmp_path, *({"type": f"t{number}"} for number in range(TAIL_LINES + 50)))
    assert newest_log(tmp_path) == new
    lines = log_tail(read_tail(new), NOTHING, texts=False).splitlines()
    assert len(lines) == TAIL_LINES
    assert json.loads(lines[-1])["type"] == f"t{TAIL_LINES + 49}"
    assert "left_out" in log_tail(b'{"raw_json": "' + b"x" * (2 << 20) + b'"}', NOTHING, texts=False)


def test_the_settings_without_what_is_secret() -> None:
    """Key, passwords, values of a query that may be keys, and instructions are not shown; the rest is."""
    config = ClientConfig(
        url=f"wss://x.example/v1/realtime?model=m&api_key={KEY}",
        api_key=KEY,
        proxy="http://user:hunter2-hunter2@proxy.example:3128",
        instructions=SECRET_WORDS,
    )
    shown = bundle_settings(config)
    assert KEY not in str(shown)
    assert "hunter2" not in str(shown)
    assert "Maria" not in str(shown)
    assert shown["url"] == "wss://x.example/v1/realtime?model=m&api_key=[hidden]"
    assert (shown["api_key"], shown["read_timeout"]) == ("[set]", 60.0)
    json.dumps(shown)
    assert shown_url("wss://me:pass@x.example/a#b") == "wss://x.example/a"


def test_a_bundle_is_for_the_user_alone(tmp_path: Path) -> None:
    """Whatever the umask: 0600, nothing overwritten, the home directory and the key nowhere."""
    path = tmp_path / "b.zip"
    before = os.umask(0)
    try:
        files = {"a.json": {"where": f"{tmp_path}/logs", "said": KEY}, "b.txt": f"see {tmp_path}"}
        write_bundle(path, files, Redactor.of([KEY]), home=str(tmp_path), left_out=["c: not there."])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert json.loads(texts["a.json"]) == {"where": "~/logs", "said": "[key]"}
    assert texts["b.txt"] == "see ~"
    assert "c: not there." in texts["README.txt"]
    content = path.read_bytes()
    with pytest.raises(ConfigError, match="overwrites nothing"):
        write_bundle(path, {}, NOTHING)
    assert path.read_bytes() == content


def test_a_bundle_that_cannot_be_written(tmp_path: Path) -> None:
    """It is a sentence, and half a bundle does not stay."""
    with pytest.raises(OutputFailed, match="cannot be written"):
        write_bundle(tmp_path / "nowhere" / "b.zip", {}, NOTHING)
    (tmp_path / "link.zip").symlink_to(tmp_path / "target")
    with pytest.raises(ConfigError):
        write_bundle(tmp_path / "link.zip", {}, NOTHING)
    with pytest.raises(TypeError):
        write_bundle(tmp_path / "b.zip", {"a.json": object()}, NOTHING)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.zip"]
