"""
The session object of one client: its defaults, and the merge of an update.

An update is checked whole before anything changes, and merged deeply: what it does not name stays.

Source: OpenAI Realtime API reference, `session.update`; defaults as in the recorded `session.created`.
"""

from __future__ import annotations

import copy
from typing import Final

import attrs

from geppetto.offline.checks import Refused, check_object, mapping
from geppetto.offline.settings import SAMPLE_RATE_HZ, SESSION_CHECKS, TEMPERATURE

DEFAULT_INSTRUCTIONS: Final = (
    "You are a friendly assistant on the user's own machine. Answer truthfully, in a few plain sentences. "
    "Say so when you do not know."
)
_SERVER_VAD: Final[dict[str, object]] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: Final[dict[str, object]] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_TRANSCRIPTION: Final[dict[str, object]] = {"model": None, "language": None, "prompt": None}


@attrs.define(kw_only=True)
class Session:
    """
    The session of one client.

    Args:
        session_id: `sess_…`.
        model: As the client asked for it; any name will do.
        expires_at: Unix time in whole seconds.
        beta: Also know `temperature`, which GA no longer has.
    """

    session_id: str
    model: str
    expires_at: int
    beta: bool = False
    _body: dict[str, object] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        pcm: dict[str, object] = {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ}
        self._body = {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.session_id,
            "model": self.model,
            "output_modalities": ["audio"],
            "instructions": DEFAULT_INSTRUCTIONS,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "expires_at": self.expires_at,
            "audio": {
                "input": {
                    "format": dict(pcm),
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": dict(_SERVER_VAD),
                },
                "output": {"format": dict(pcm), "voice": "alloy", "speed": 1.0},
            },
            "include": None,
        }
        if self.beta:
            self._body["temperature"] = 0.8

    def wire(self) -> dict[str, object]:
        """Return the session as it is sent, in the GA vocabulary; a copy."""
        return copy.deepcopy(self._body)

    def get(self, *names: str) -> object:
        """Return one setting, e.g. `get("audio", "output", "voice")`; None if it is not set."""
        value: object = self._body
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def update(self, patch: object, *, voice_locked: bool = False) -> None:
        """
        Merge *patch*, the `session` of a `session.update`, or change nothing.

        Args:
            voice_locked: Assistant audio has been heard: the voice can no longer change.

        Raises:
            Refused: a setting is unknown, of the wrong type or value, or can no longer change.
        """
        checks = {**SESSION_CHECKS, "temperature": TEMPERATURE} if self.beta else SESSION_CHECKS
        checked = check_object(patch, "session", checks, ["type"])
        if checked.get("model", self.model) != self.model:
            raise Refused("invalid_value", "The model cannot change after the session has started.", "session.model")
        merged = _merged(self._body, checked)
        new_voice = _voice_of(merged)
        if voice_locked and new_voice != _voice_of(self._body):
            raise voice_refused("session.audio.output.voice")
        self._body = merged


def voice_refused(param: str) -> Refused:
    """Return the refusal of another voice once one has been heard."""
    return Refused(
        "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.", param
    )


def _voice_of(body: dict[str, object]) -> object:
    return mapping(mapping(body["audio"], "audio")["output"], "audio.output")["voice"]


def _merged(old: dict[str, object], new: dict[str, object]) -> dict[str, object]:
    result = dict(old)
    for name, value in new.items():
        if isinstance(value, dict):
            result[name] = _merged(_base(name, old.get(name), value), value)
        else:
            result[name] = value
    return result


def _base(name: str, old: object, new: dict[str, object]) -> dict[str, object]:
    """Return what *new* is merged into: what stood there, or the defaults of another kind."""
    if name == "turn_detection":
        if isinstance(old, dict) and old["type"] == new["type"]:
            return old
        return _SEMANTIC_VAD if new["type"] == "semantic_vad" else _SERVER_VAD
    if name == "transcription":
        return old if isinstance(old, dict) else _TRANSCRIPTION
    return old if isinstance(old, dict) and name in ("audio", "input", "output") else {}
