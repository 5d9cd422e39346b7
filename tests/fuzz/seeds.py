"""Small examples that the fuzzing starts from: what is meant for each parser, and damage of every kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from geppetto.audio.wav import wav_header
from geppetto.records.transcript import STILL_COMING, render_transcript
from geppetto.records.wirelog import LogEntry
from tests.fakes.scripted_server import answer, audio, created, done, error, session_created, words
from tests.fuzz.bits import SECRET, WHEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EVENTS: Final = [
    json.dumps(event).encode()
    for event in (
        session_created(),
        {"type": "session.updated", "session": {"id": "sess_1"}},
        *answer("r1", "Hello there", b"\1\0\2\0\3\0"),
        audio("r2", b"\1", "item_2"),
        done("r2", "failed", error={"code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}),
        done("r2", "cancelled", reason="turn_detected"),
        error("invalid_value", "No", event_id="event_1"),
        error("session_expired", "Over"),
        error("conversation_already_has_active_response", "Wait"),
        {"type": "response.text.delta", "response_id": "r1", "delta": "\ud83d"},
        {"type": "heartbeat", "at": 1e400},
    )
]
_TALK: Final = [
    b"!a",
    json.dumps(session_created()).encode(),
    b"!aSecond",
    *(json.dumps(event).encode() for event in answer("r1", "Hello", b"\1\0" * 4)),
    b"!l",
    json.dumps(created("r2")).encode(),
    json.dumps(words("r2", "Half")).encode(),
    b"!s",
    b'{"type":"input_audio_buffer.committed","item_id":"u1"}',
    b'{"type":"conversation.item.input_audio_transcription.completed","item_id":"u1","transcript":"Where?"}',
    b'{"type":"conversation.item.input_audio_transcription.failed","item_id":"u1","error":{"code":"c"}}',
    b"!cBe brief.",
    b'{"type":"error","error":{"code":"c","param":"session.instructions"}}',
    b"!w1",
    b"!h",
    b"!r",
    json.dumps(done("r2")).encode(),
]
_ENTRY: Final = LogEntry(WHEN, "received", "response.done", '{"type":"response.done","x":[1,{"y":null}]}').line()
_HOSTILE_ENTRY: Final = LogEntry(WHEN, "sent", "a\x1b[2J\u202e\nb", '{"\\u001b[2J":"\\u202e\\u2028\\n"}').line()
_GROWING: Final = render_transcript(WHEN, None, "Twelve times", STILL_COMING).encode()
_PCM: Final = bytes(range(1, 61))


_CLIENT: Final = b"\n".join(
    json.dumps(event).encode() if isinstance(event, dict) else event
    for event in (
        {"type": "session.update", "event_id": "e1", "session": {"type": "realtime", "instructions": "Kind"}},
        {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": {"id": "x"}}}}},
        {
            "type": "conversation.item.create",
            "item": {
                "id": "q",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "2 + 2"}, {"type": "input_audio", "audio": "AAAA"}],
            },
        },
        {"type": "response.create", "response": {"output_modalities": ["text"], "max_output_tokens": 9}},
        b"!Four",
        b"!!",
        {"type": "response.create", "response": {"conversation": "none", "metadata": {"a": "b"}, "input": []}},
        {"type": "response.create"},
        b"!Again",
        {"type": "response.cancel"},
        {"type": "response.cancel", "response_id": "resp_1"},
        {"type": "input_audio_buffer.append", "audio": "AAAA" * 1700},
        {"type": "input_audio_buffer.commit"},
        {"type": "conversation.item.retrieve", "item_id": "q"},
        {"type": "conversation.item.truncate", "item_id": "item_5", "content_index": 0, "audio_end_ms": 0},
        {"type": "conversation.item.delete", "item_id": "q"},
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        },
    )
)
_BETA: Final = b"\n".join(
    json.dumps(event).encode() if isinstance(event, dict) else event
    for event in (
        {
            "type": "session.update",
            "session": {
                "modalities": ["audio", "text"],
                "voice": "alloy",
                "input_audio_format": "pcm16",
                "turn_detection": {"type": "semantic_vad"},
                "temperature": 0.7,
                "max_response_output_tokens": "inf",
            },
        },
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hm"}]},
        },
        {"type": "response.create", "response": {"modalities": ["text"], "instructions": "x"}},
        b"!One",
        b"!!",
    )
)


def _files(*files: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([which]) + len(content).to_bytes(2, "little") + content for which, content in files)


SEEDS: Final[Mapping[str, Iterable[bytes]]] = {
    "frames": [
        b"\x0f\x81\x02Hi\x89\x01p\x81\x00\x01\x01\xce\x8a\x00\x80\x01\xba\x88\x02\x03\xe8",
        b"\x02\x01\x00" + b"\x00\x00" * 9 + b"\x80\x01x\x81\x7e\x00\x7e" + b"y" * 126,
        b"\x33\x81\x03one\x01\x02on\x80\x02ce\x82\x01b\x81\x01x",
        b"\x00\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + b"z" * 99,
        b"\x01\x81\x82\x00\x00\x00\x00Hi",
        b"\x04\x01\x03\xe2\x82\xac\x00\x01\xed\x80\x01\xa0\x81\x01x",
    ],
    "decoding": [*_EVENTS, b"[" * 3000, b"{}", b'{"type":1}', "\ud83d".encode("utf-8", "surrogatepass")],
    "dialects": [b"Be kind\nmarin\nHello \xed\xa0\xbd\nevent_1", "Grüß\n\n\x00\u202e\nid".encode(), b"\n\n\n"],
    "conversation": [b"\n".join(_TALK), b"\n".join([b"!a", *_EVENTS]), b"\n".join([*_EVENTS[::-1], b"!a", b"!l"])],
    "waits": [
        b"1.5s.",
        b"20ms",
        b"1m2.5s",
        b"1m",
        b"Retry-After: 30",
        b"7",
        b"\xd9\xa3s",
        b"9" * 5000,
        b"<h1>\x1b[2J",
    ],
    "log_lines": [_ENTRY * 3, _ENTRY[:-9], _ENTRY.replace(b"received", b"sent"), b"\n\n{}\n" + _HOSTILE_ENTRY],
    "trimming": [
        *_EVENTS,
        b'{"audio": "AAAA", "x": {"audio": "A=", "metadata": {"audio": "word"}}}',
        b'{"\\u0061udio": "AAAA", "delta": "AA\\u0041A"}',
        b'{"metadata": {"audio": "a"}, "content": [{"audio": "AAECAw=="}], "y": "\\"audio\\": \\"A\\""}',
    ],
    "variables": [
        b"0=wss://a.example:1/v1?model=x\n3=gpt\n4=beta\n9=0.7",
        b"GEPPETTO_READ_TIMEOUT=nan\n11=1e400\n17=0\n18=-1\n24=yes",
        b"0=ws://127.0.0.1:8765\nHTTPS_PROXY=http://u:p@proxy.example\nNO_PROXY=.example,10.0.0.0/8",
        b"0=wss://[::1]:99999/\n1=socks5://me:you@[2001:db8::1]:1080\n6=",
    ],
    "proxies": [
        f"wss://x.example\nhttp://me:{SECRET}@proxy.example:3128\nlocalhost,.example:443,10.0.0.0/8,[::1]:80".encode(),
        b"ws://10.1.2.3:80\nsocks5h://u:p@[2001:db8::1]\n10.0.0.0/8:80,*",
        f"wss://h\nsocks5://a:{SECRET}@h:0\n*.h".encode(),
        b"wss://[::ffff:1.2.3.4]\nproxy:1\n::/0",
        b"ws://h\na@[::1]b:c@proxy\n*",
    ],
    "keys": [
        json.dumps({"api.openai.com": "sk-" + "a" * 40, "127.0.0.1:8765": "k" * 30}).encode(),
        b'{"a": null}',
        b"{}",
        b"[]",
        b'{"a": "b c"}',
        b"api.openai.com:8443",
        b"wss://[::1]:1/x?y",
        b"h\xc3\xbc.de.",
    ],
    "leftovers": [
        _files((0, wav_header(0) + _PCM), (1, _GROWING)),
        _files((0, wav_header(60) + _PCM + b"\1"), (2, _GROWING), (5, b"precious")),
        _files((0, bytes(44) + _PCM), (6, _GROWING), (8, wav_header(0, 16_000) + _PCM), (9, b"x")),
        _files((240, b"00010101000000"), (0, wav_header(0)), (1, _GROWING[:-3] + b"\0\0")),
        _files((4, wav_header(60) + _PCM), (0, b""), (3, _GROWING)),
        _files((0, b"RIFF not ours, though it is longer than a header is"), (1, b"")),
    ],
    "lines": [
        b"\0One\r\nTwo\n.quit",
        b"\3\xef\xbb\xbfGr\xc3\xbc\xc3\x9f\n\xff\xfe\n" + b"x" * 60 + b"\n\n",
        b"\1\r\r\n\r",
        b"\2" + b"y" * 50 + b"\r\n" + b"z" * 51 + b"\r\n",
    ],
    "transcripts": [
        _GROWING,
        _GROWING[:40],
        _GROWING + bytes(9),
        _GROWING + SECRET.encode() + b"\x1b[2J\r\n\xe2\x80\xae",
    ],
    "prices": [
        b'checked = 2026-11-21\n[prices."m"]\ninput_text = 4\noutput_audio = 64.5\nsource = "x"',
        b'[[prices."a"]]\nsince = 2025-01-01\ncached_text = 1e-9\n[[prices."a"]]\ninput_audio = 3',
        b"[prices.m]\ninput_text = nan",
        b"[prices.m]\ninput_text = 1e999999999999999999999",
        b"x = " + b"[" * 500,
        b"[prices.m]\ninput_txt = 1",
        b'[prices."\\u001b[2J"]\ninput_text = "1"',
        b"prices = 1\nchecked = 10:00:00",
    ],
    "client_events": [
        _CLIENT,
        _CLIENT.replace(b'"output_', b'"'),
        b'{"type": "session.update"}\n[]\n{"type": []}',
        _BETA,
    ],
    "requests": [
        f"model=m\nAuthorization: Bearer {SECRET}\nX: y".encode(),
        b"/v1/realtime?model=a&model=b\nopenai-beta:realtime=v1",
        f"//[?model=m\napi-key: {SECRET}".encode(),
        b"model=%ff%00\nauthorization: bearer",
    ],
    "questions": [
        b"What is 12 times 7?",
        b"2^^9999999 / 0",
        b"how many miles are -1e999 km",
        "Wie spät? ²³½ ٣×٤".encode(),
        b"say it again",
        b"roll 99999 dice with 0 sides",
        b"((((((((((1))))))))))",
        b"spell \xff\xed\xa0\xbd",
        b"9" * 400,
        b"What time is it in two hundred million hours?",
        b"sqrt(-1) ** 0.5",
        b"count to 10 backwards",
        b"My name is Ada.\nWhat did I say first?\nWhat is my name?",
        b"What is 7 times 8?\nand plus 2",
        b"one hundred and five minus three thousandths",
        b"15% of 80",
        b"square root of 2 to the power of 10",
        b"convert 100 fahrenheit to celsius",
        b"how many ounces are in 2.5 kilograms?",
        b"how many letters are in strawberry?",
        b"is 'level' a palindrome?",
        b"what day is it 400 days before christmas?",
        b"flip a coin 3 times",
        b"pick a number from 9 to -9",
        b"tell me a joke",
        b"repeat after me: \x1b[2J",
        b"reverse abc",
        b"",
    ],
}
"""By the name of the target."""
