"""
Checks of the settings that `session.update` and `response.create` carry, in the GA vocabulary.

Source: OpenAI Realtime API reference, `session.update` and `response.create`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geppetto.offline.checks import (
    Refused,
    array,
    boolean,
    check_object,
    fields,
    integer,
    mapping,
    mistyped,
    nullable,
    number,
    one_of,
    text,
    unsupported,
    word_or,
)

if TYPE_CHECKING:
    from geppetto.offline.checks import (
        Check,
    )

SAMPLE_RATE_HZ: Final = 24_000
MAX_OUTPUT_TOKENS: Final = 4_096
_TEXT_LIMIT_CHARS: Final = 200_000

_FORMATS: Final = ("audio/pcm", "audio/pcmu", "audio/pcma")


def audio_format(value: object, path: str) -> object:
    """
    Check an audio format: PCM16, 24 kHz, is the only one that this server speaks.

    G.711 (`audio/pcmu`, `audio/pcma`) is refused: a client that asked for it must not be sent PCM.
    """
    kind = check_object(value, path, {"type": one_of(*_FORMATS), "rate": _rate}, ["type"])["type"]
    if kind != "audio/pcm":
        raise unsupported(f"{path}.type", kind, ["audio/pcm"])
    return {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ}


def _rate(value: object, path: str) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise mistyped(path, "an integer", value)
    if value != SAMPLE_RATE_HZ:
        raise unsupported(path, value, [str(SAMPLE_RATE_HZ)])
    return value


def output_modalities(value: object, path: str) -> object:
    """Check the modalities of an answer: audio (which brings its transcript) or text, not both."""
    names = array(one_of("text", "audio"), 2)(value, path)
    if names not in (["text"], ["audio"]):
        raise Refused(
            "invalid_value",
            f"Invalid modalities: {names}. Supported combinations are: ['text'] and ['audio'].",
            path,
        )
    return names


def voice(value: object, path: str) -> object:
    """Check a voice: any name, or an object with an id. The offline server has one voice for all of them."""
    if isinstance(value, dict):
        return check_object(value, path, {"id": text(256)}, ["id"])
    return text(256)(value, path)


def _turn_detection(value: object, path: str) -> object:
    kind = mapping(value, path).get("type")
    switches: dict[str, Check] = {
        "type": one_of("server_vad", "semantic_vad"),
        "create_response": boolean,
        "interrupt_response": boolean,
    }
    if kind == "semantic_vad":
        return check_object(value, path, {**switches, "eagerness": one_of("low", "medium", "high", "auto")}, ["type"])
    known: dict[str, Check] = {
        **switches,
        "threshold": number(0.0, 1.0),
        "prefix_padding_ms": integer(0, 60_000),
        "silence_duration_ms": integer(0, 60_000),
        "idle_timeout_ms": nullable(integer(5_000, 30_000)),
    }
    return check_object(value, path, known, ["type"])


def _no_prompt(value: object, path: str) -> object:
    raise Refused("invalid_value", "The offline server has no stored prompts: send 'instructions'.", path)


_TOOL: Final = fields(
    {
        "type": one_of("function"),
        "name": text(128),
        "description": nullable(text(_TEXT_LIMIT_CHARS)),
        "parameters": nullable(mapping),
    },
    ["type", "name"],
)
_ANSWERING: Final[dict[str, Check]] = {
    "instructions": text(_TEXT_LIMIT_CHARS),
    "max_output_tokens": word_or(["inf"], integer(1, MAX_OUTPUT_TOKENS)),
    "output_modalities": output_modalities,
    "parallel_tool_calls": boolean,
    "prompt": nullable(_no_prompt),
    "reasoning": nullable(fields({"effort": one_of("minimal", "low", "medium", "high", "xhigh")})),
    "tool_choice": word_or(
        ["none", "auto", "required"],
        fields({"type": one_of("function"), "name": text(128)}, ["type", "name"]),
    ),
    "tools": array(_TOOL, 128),
}
"""What `session.update` and `response.create` have in common."""

RESPONSE_CHECKS: Final[dict[str, Check]] = {
    **_ANSWERING,
    "audio": fields({"output": fields({"format": audio_format, "voice": voice})}),
}
TEMPERATURE: Final = number(0.6, 1.2)
_TRANSCRIPTION_CHECK: Final = fields(
    {
        "model": text(256),
        "language": nullable(text(64)),
        "languages": nullable(array(text(64), 64)),
        "prompt": nullable(text(_TEXT_LIMIT_CHARS)),
        "keywords": nullable(array(text(256), 1_000)),
        "delay": nullable(one_of("minimal", "low", "medium", "high", "xhigh")),
    }
)
_INPUT: Final = fields(
    {
        "format": audio_format,
        "noise_reduction": nullable(fields({"type": one_of("near_field", "far_field")}, ["type"])),
        "transcription": nullable(_TRANSCRIPTION_CHECK),
        "turn_detection": nullable(_turn_detection),
    }
)
SESSION_CHECKS: Final[dict[str, Check]] = {
    **_ANSWERING,
    "type": one_of("realtime"),
    "model": text(256),
    "audio": fields(
        {
            "input": _INPUT,
            "output": fields({"format": audio_format, "voice": voice, "speed": number(0.25, 1.5)}),
        }
    ),
    "include": nullable(array(one_of("item.input_audio_transcription.logprobs"), 1)),
    "tracing": nullable(
        word_or(
            ["auto"],
            fields({"workflow_name": text(512), "group_id": text(512), "metadata": nullable(mapping)}),
        )
    ),
    "truncation": word_or(
        ["auto", "disabled"],
        fields(
            {
                "type": one_of("retention_ratio"),
                "retention_ratio": number(0.0, 1.0),
                "token_limits": nullable(fields({"post_instructions": integer(0, 1_000_000)})),
            },
            ["type", "retention_ratio"],
        ),
    ),
}
