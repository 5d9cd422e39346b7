"""
The support bundle: one ZIP for whoever helps, with nothing in it that is only the user's business.

What people said and heard is not in it unless it is asked for. Of the wire log, names, numbers and what looks like
an identifier under a key of the protocol are kept; every other text becomes its length. What is kept is listed, and
not what is left out: servers add fields without notice.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from geppetto.connection.proxy import parse_proxy
from geppetto.errors import ConfigError, OutputFailed
from geppetto.records.trimming import trim_audio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from geppetto.config import ClientConfig
    from geppetto.redaction import Redactor

TAIL_LINES: Final = 200
_LINE_BYTES: Final = 1 << 20
"""Longer lines of a log are audio that somebody kept, and left out."""
_TAIL_BYTES: Final = 32 * 1024 * 1024
_KEPT: Final = frozenset(
    {
        *("type", "object", "status", "reason", "code", "param", "role", "phase", "name", "service_tier"),
        *("id", "event_id", "item_id", "response_id", "previous_item_id", "conversation_id", "call_id", "session_id"),
        *("model", "voice", "modality", "modalities", "output_modalities", "truncation", "conversation"),
        *("format", "input_audio_format", "output_audio_format"),
    }
)
"""Keys of the protocol under which no person's words stand."""
_OPAQUE: Final = frozenset({"metadata", "tools", "parameters", "logprobs"})
"""Objects whose keys are the user's, too."""
_IDENTIFIER: Final = re.compile(r"[\w.:/+-]{1,128}", re.ASCII)
_QUERY_SHOWN: Final = frozenset({"model", "deployment", "api-version", "intent", "language", "duplex", "protocol"})


def bundle_settings(config: ClientConfig) -> dict[str, object]:
    """Return every setting of *config* but the key: without passwords, and without what only the user may know."""
    values: dict[str, object] = {}
    for field in attrs.fields(type(config)):
        value = getattr(config, field.name)
        if field.name == "api_key":
            value = "[set]" if value is not None else None
        elif field.name == "url":
            value = shown_url(value)
        elif field.name == "proxy" and value is not None:
            value = parse_proxy(value).shown
        elif field.name == "sources":
            values["sources"] = {name: f"{source.kind} {source.name}".rstrip() for name, source in value.items()}
            continue
        elif field.name == "instructions":
            value = f"[{len(value)} characters]"
        values[field.name] = value if isinstance(value, str | int | float | bool | None) else str(value)
    return values


def shown_url(url: str) -> str:
    """Return *url* without a user, and with only those values of its query that can be no key."""
    parts = urlsplit(url)
    query = [
        (name, value if name in _QUERY_SHOWN else "[hidden]")
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(query, safe="[]"), fragment=""))


def newest_log(directory: Path) -> Path | None:
    """Return the part of a wire log in *directory* that was written last; None if there is none. Blocks."""
    try:
        logs = [(path.stat().st_mtime_ns, path) for path in directory.glob("Chat:*.log") if path.is_file()]
    except OSError:
        return None
    return max(logs)[1] if logs else None


def read_tail(path: Path) -> bytes:
    """
    Return the end of *path*, at most `_TAIL_BYTES`; blocks.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        return file.read(_TAIL_BYTES)


def log_tail(content: bytes, redactor: Redactor, *, texts: bool) -> str:
    """Return the last `TAIL_LINES` lines of a wire log as JSON lines, with their *texts* or with their lengths."""
    lines: deque[str] = deque(maxlen=TAIL_LINES)
    for line in content.splitlines():
        if line.strip():
            lines.append(_trimmed_line(line, texts=texts))
    return redactor.clean("".join(f"{line}\n" for line in lines))


def _trimmed_line(line: bytes, *, texts: bool) -> str:
    if len(line) > _LINE_BYTES:
        return json.dumps({"left_out": f"[line of {len(line)} bytes]"})
    try:
        entry = json.loads(line)
        if not isinstance(entry, dict):
            raise ValueError  # one way out for everything that is no line of a log
        kind, raw = str(entry.get("type", "")), str(entry.get("raw_json", ""))
    except (ValueError, RecursionError):
        return json.dumps({"left_out": f"[damaged line of {len(line)} bytes]"})
    told = {
        "timestamp": str(entry.get("timestamp", ""))[:40] if texts else _identifier(entry.get("timestamp")),
        "direction": _identifier(entry.get("direction")),
        "type": _identifier(kind),
    }
    if texts:
        return json.dumps({**told, "raw_json": trim_audio(raw, kind)}, ensure_ascii=False)
    try:
        return json.dumps({**told, "message": _trimmed(json.loads(raw), key="")})
    except (ValueError, RecursionError):
        return json.dumps({**told, "message": f"[{len(raw)} characters]"})


def _trimmed(value: object, *, key: str) -> object:
    """Return the JSON *value* that stands under *key*, with every text that may be a person's replaced."""
    if isinstance(value, dict):
        if key in _OPAQUE:
            return f"[{len(value)} entries]"
        return {_identifier(name): _trimmed(member, key=name) for name, member in value.items()}
    if isinstance(value, list):
        return f"[{len(value)} entries]" if key in _OPAQUE else [_trimmed(member, key=key) for member in value]
    if isinstance(value, str):
        return _identifier(value) if key in _KEPT else f"[{len(value)} characters]"
    return value


def _identifier(value: object) -> str:
    text = str(value)
    return text if _IDENTIFIER.fullmatch(text) else f"[{len(text)} characters]"


def write_bundle(
    path: Path, files: Mapping[str, object], redactor: Redactor, *, home: str = "", left_out: Iterable[str] = ()
) -> None:
    """
    Write *files* as a ZIP that only the user may read; blocks.

    Args:
        path: A new file: none is ever overwritten.
        files: Texts, or JSON values, by name.
        redactor: Takes the secrets out of each of them.
        home: The user's directory, which becomes `~` everywhere; empty for none.
        left_out: What could not be put in, as sentences; they go into its README.

    Closes: the file, which is removed again if it cannot be finished.

    Raises:
        ConfigError: *path* exists.
        OutputFailed: it cannot be written.
    """
    notes = "".join(f"- {sentence}\n" for sentence in left_out)
    texts = {"README.txt": _README + (f"\nLeft out:\n{notes}" if notes else "")}
    for name, value in files.items():
        texts[name] = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        msg = f"{path} exists, and a bundle overwrites nothing. Choose another name."
        raise ConfigError(msg) from error
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                clean = redactor.clean(text.replace(home, "~") if len(home) > 1 else text)
                archive.writestr(name, clean.encode("utf-8", "replace"))
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
        raise


def _cannot_write(path: Path, error: OSError) -> OutputFailed:
    reason = (error.strerror or "unknown reason").lower()
    return OutputFailed(f"{path} cannot be written ({reason}). Choose another place for the bundle.")


_README: Final = """\
A support bundle of Geppetto, made by `geppetto doctor --bundle`.

doctor.json      what the checks found
settings.json    the effective settings, without key, password and instructions
versions.json    Geppetto, Python, libraries, system
wire-log.jsonl   the end of the last session's wire log
doctor-log.jsonl the wire log of the doctor's own question

No audio is in it. Unless --with-texts was given, texts are replaced by their lengths.
Look through it before you hand it on.
"""
