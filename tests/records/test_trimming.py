"""Audio is cut out of messages, and nothing else is."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.records.trimming import cut_delta, trim_audio

DELTA = "response.output_audio.delta"


def b64(n_bytes: int) -> str:
    return base64.b64encode(b"\x01" * n_bytes).decode()


@pytest.mark.parametrize("event_type", [DELTA, "response.audio.delta"])
def test_the_payload_of_a_delta_is_cut_and_the_rest_is_untouched(event_type: str) -> None:
    """Spacing, order and spelling of the wire text stay; only the payload goes."""
    text = f'{{ "type":"{event_type}","delta" : "%s",\n"id":"caf\\u00e9 \\"delta\\":\\"AAAA\\"" ,"n":1.0e2}}'
    assert trim_audio(text % b64(4801), event_type) == text % "[trimmed: 4801 bytes]"


def test_the_append_event_is_trimmed() -> None:
    """What the user said is not kept."""
    text = '{"type":"input_audio_buffer.append","audio":"%s"}'
    assert trim_audio(text % b64(3), "input_audio_buffer.append") == text % "[trimmed: 3 bytes]"


def test_the_bytes_of_a_picture_are_cut() -> None:
    """Its kind stays, so that the log says what was shown; what only looks like a picture stays, too."""
    text = json.dumps(
        {
            "type": "conversation.item.create",
            "item": {
                "content": [
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                    {"type": "input_image", "image_url": "https://pictures.example/a.png"},
                    {"type": "input_text", "text": 'the "image_url": "data:image/png;base64,AAAA"'},
                    {"type": "input_audio", "audio": "AAAA"},
                ]
            },
        }
    )
    trimmed = json.loads(trim_audio(text, "conversation.item.create"))["item"]["content"]
    assert trimmed[0]["image_url"] == "data:image/png;base64,[trimmed: 3 bytes]"
    assert trimmed[1]["image_url"] == "https://pictures.example/a.png"
    assert trimmed[2]["text"] == 'the "image_url": "data:image/png;base64,AAAA"'
    assert trimmed[3]["audio"] == "[trimmed: 3 bytes]"


def test_every_content_part_is_trimmed() -> None:
    """Two parts with audio in one item are both cut, and the text between them stays."""
    text = (
        '{"type":"conversation.item.retrieved","item":{"content":[{"type":"input_audio","audio":"%s"},'
        '{"type":"input_text","text":"hi"},{"type":"output_audio","audio":"%s"}]}}'
    )
    trimmed = trim_audio(text % (b64(10), b64(200)), "conversation.item.retrieved")
    assert trimmed == text % ("[trimmed: 10 bytes]", "[trimmed: 200 bytes]")


@pytest.mark.parametrize(
    ("payload", "note"),
    [
        ("", "[trimmed: 0 bytes]"),
        ("AAA", "[trimmed: 2 bytes]"),  # without its padding
        ("AA==", "[trimmed: 1 bytes]"),
        ("A", "[trimmed: 1 characters, not base64]"),
        ("AAAA=", "[trimmed: 5 characters, not base64]"),
        ("äääää", "[trimmed: 5 characters, not base64]"),
        ("AA-_", "[trimmed: 4 characters, not base64]"),
    ],
)
def test_the_note_tells_the_decoded_size_or_that_there_is_none(payload: str, note: str) -> None:
    """A payload that cannot be decoded is cut as well, and the log says so."""
    assert trim_audio(json.dumps({"delta": payload}, ensure_ascii=False), DELTA) == f'{{"delta": "{note}"}}'


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"session.update","session":{"audio":{"input":{"format":null}},"output_modalities":["audio"]}}',
        '{"type":"response.text.delta","delta":"AAAA"}',
        '{"type":"response.create","response":{"metadata":{"audio":"yes"}}}',
        '{"type":"x","text":"he said \\"audio\\":\\"AAAA\\" and \\u0041"}',
        '{"type":"x","a\\"audio":"AAAA"}',
        '{"audio":null}',
        '{"audio":"AAAA',
        "\\u0061 not json",
        "[" * 100_000 + "\\u0061",
    ],
)
def test_what_is_no_audio_is_left_alone(text: str) -> None:
    """Settings, words, metadata and broken text come back as they were."""
    event_type = "response.text.delta" if "text.delta" in text else "x"
    assert trim_audio(text, event_type) == text


def test_unusual_spellings_do_not_hide_audio() -> None:
    """An escaped key, an escaped slash and metadata beside audio are parsed, and the audio is cut."""
    assert trim_audio('{"\\u0061udio":"AAAA"}', "x") == '{"audio": "[trimmed: 3 bytes]"}'
    assert trim_audio('{"audio":"AA\\/A"}', "x") == '{"audio": "[trimmed: 3 bytes]"}'
    both = '{"metadata": {"audio": "yes"}, "audio": "%s"}'
    assert trim_audio(both % "AAAA", "x") == both % "[trimmed: 3 bytes]"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary().map(lambda b: base64.b64encode(b).decode()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["audio", "delta", "metadata", "item"]) | st.text(), inner, max_size=4)
        | st.fixed_dictionaries({"audio": st.binary().map(lambda b: base64.b64encode(b).decode())})
    ),
    max_leaves=12,
)


def expected(value: object, key: str) -> object:
    if isinstance(value, list):
        return [expected(member, key) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        name: cut(member) if name == key and isinstance(member, str)
        else member if name == "metadata"
        else expected(member, key)
        for name, member in value.items()
    }  # fmt: skip


def cut(payload: str) -> str:
    """Decode as slowly and strictly as the standard library does."""
    missing = "" if "=" in payload else "=" * (-len(payload) % 4)
    try:
        return f"[trimmed: {len(base64.b64decode(payload + missing, validate=True))} bytes]"
    except ValueError:
        return f"[trimmed: {len(payload)} characters, not base64]"


@given(JSON, st.sampled_from([DELTA, "conversation.item.created"]), st.booleans(), st.sampled_from([None, 1]))
def test_any_event_is_trimmed_like_its_parsed_form(
    value: object, event_type: str, ensure_ascii: bool, indent: int | None
) -> None:
    """The result is valid JSON, and equals the original with each payload replaced by its exact size."""
    text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
    key = "delta" if event_type == DELTA else "audio"
    assert json.loads(trim_audio(text, event_type)) == expected(value, key)


def test_a_delta_that_was_decoded_is_cut_without_a_second_look() -> None:
    """Its size says where the payload ends, padded or not."""
    text = '{"type":"response.output_audio.delta","delta":"%s","item_id":"i"}'
    for n_bytes in range(7):
        assert cut_delta(text % b64(n_bytes), n_bytes) == text % f"[trimmed: {n_bytes} bytes]"


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"response.output_audio.delta","delta" : "AAAA"}',
        '{"type":"response.output_audio.delta","delta":"AA\\u0041A"}',
        '{"type":"response.output_audio.delta","delta":"[trimmed: 3 bytes]"}',
        '{"type":"response.output_audio.delta","delta":"AAAA","x":{"delta":"AAAA"}}',
        '{"type":"response.output_audio.delta","delta":"AAAA","x":{"d\\u0065lta":"AAAA"}}',
        '{"type":"response.output_audio.delta","metadata":{"delta":"AAAA"},"delta":"AAAA"}',
        '{"type":"response.output_audio.delta","delta":"AAAA","metadata":{}}',
        '{"type":"response.output_audio.delta","x":"\\"delta":"AAAA","delta":"AAAA"}',
        '{"type":"response.output_audio.delta","delta":"","delta":"AAAA"}',
        '{"type":"response.output_audio.delta"}',
    ],
)
def test_what_is_not_plain_takes_the_closer_look(text: str) -> None:
    """Other spacing, escapes, a second delta, metadata: nothing is guessed."""
    assert cut_delta(text, 3) is None


@given(
    st.dictionaries(
        st.sampled_from(["delta", "metadata", "x", "audio"]), st.text('A"\\:e', max_size=8) | st.just("AAAA")
    ),
    st.binary(max_size=8),
)
def test_the_quick_cut_is_the_thorough_one(fields: dict[str, str], pcm: bytes) -> None:
    """Where it gives a text at all, it is the same."""
    delta = base64.b64encode(pcm).decode()
    text = json.dumps({"type": DELTA, **fields, "x": {"delta": delta}}, separators=(",", ":"))
    cut = cut_delta(text, len(pcm))
    assert cut is None or cut == trim_audio(text, DELTA)
