"""Deltas in, ordered PCM out."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.audio.assembly import MAX_TRIMMED_BYTES, AudioAssembler, BadAudio, decode_delta
from geppetto.audio.pcm import FRAME_BYTES

PARTS = st.tuples(st.sampled_from(["item_a", "item_b", "item_c"]), st.integers(0, 1))
DELTAS = st.lists(st.tuples(PARTS, st.binary(max_size=9)), max_size=30)


@given(DELTAS)
def test_any_interleaving_keeps_every_part(deltas: list[tuple[tuple[str, int], bytes]]) -> None:
    """However the parts are cut and interleaved, each part's frames are its own bytes, padded at the end."""
    assembler = AudioAssembler()
    sent: dict[tuple[str, int], bytes] = {}
    written: dict[tuple[str, int], bytes] = {}
    for part, pcm in deltas:
        frames = assembler.add(*part, pcm)
        assert len(frames) % FRAME_BYTES == 0
        sent[part] = sent.get(part, b"") + pcm
        written[part] = written.get(part, b"") + frames

    odd = {part: pcm[-1:] for part, pcm in sent.items() if len(pcm) % FRAME_BYTES}
    tail = assembler.finish()
    assert written == {part: pcm[:-1] if part in odd else pcm for part, pcm in sent.items()}
    assert sorted(tail[i : i + FRAME_BYTES] for i in range(0, len(tail), FRAME_BYTES)) == sorted(
        byte + b"\x00" for byte in odd.values()
    )
    assert assembler.bytes_by_part == {part: len(pcm) for part, pcm in sent.items()}
    assert assembler.received_bytes == sum(len(pcm) for pcm in sent.values())
    assert assembler.finish() == b""


@given(st.lists(st.binary(max_size=9)))
def test_any_cutting_of_one_part(deltas: list[bytes]) -> None:
    """One part comes out as the concatenation of its deltas, and at once, but for an odd byte."""
    assembler = AudioAssembler()
    received = written = b""
    for pcm in deltas:
        received += pcm
        written += assembler.add("item_a", 0, pcm)
        assert written == received[: len(received) // FRAME_BYTES * FRAME_BYTES]
    assert written + assembler.finish() == received + b"\x00" * (len(received) % FRAME_BYTES)


@given(st.lists(st.tuples(PARTS, st.binary(max_size=8).map(lambda pcm: pcm + pcm))))
def test_whole_frames_keep_the_order_of_arrival(deltas: list[tuple[tuple[str, int], bytes]]) -> None:
    """Deltas of whole frames pass unchanged, whatever part they belong to."""
    assembler = AudioAssembler()
    assert [assembler.add(*part, pcm) for part, pcm in deltas] == [pcm for _, pcm in deltas]
    assert assembler.finish() == b""


def test_an_odd_byte_waits_for_its_own_part() -> None:
    """Another part that arrives in between neither takes the odd byte nor is shifted by it."""
    assembler = AudioAssembler()
    assert assembler.add("item_a", 0, b"\x01\x02\x03") == b"\x01\x02"
    assert assembler.add("item_b", 0, b"\x11\x12\x13") == b"\x11\x12"
    assert assembler.add("item_a", 1, b"\x21\x22") == b"\x21\x22"
    assert assembler.add("item_a", 0, b"\x04") == b"\x03\x04"
    assert assembler.add("item_b", 0, b"") == b""
    assert assembler.finish() == b"\x13\x00"


@given(st.binary())
def test_base64_is_decoded(pcm: bytes) -> None:
    """A delta is standard base64 with padding."""
    assert decode_delta(base64.b64encode(pcm).decode()) == pcm


@pytest.mark.parametrize(
    "delta",
    ["A", "AAA", "AA=", "AAAA\n", "AA AA", "AA==AA==", "=AAA", "AA-_", "ÄAAA", "\ud800AAA", "\x00AAA"],
)
def test_anything_else_is_refused(delta: str) -> None:
    """What is not strict base64 is bad audio with a short reason, its cause chained."""
    with pytest.raises(BadAudio, match=r"not base64 \(.{5,80}\)") as caught:
        decode_delta(delta)
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_reason_does_not_hold_the_payload() -> None:
    """What the user said cannot leak through an error."""
    payload = base64.b64encode(b"secret voice").decode()
    with pytest.raises(BadAudio) as caught:
        decode_delta(payload + "!")
    assert payload not in str(caught.value)


@pytest.mark.parametrize("n_bytes", [0, 3, 4800, MAX_TRIMMED_BYTES])
def test_trimmed_audio_is_silence(n_bytes: int) -> None:
    """A log played back has the length of the audio that it left out."""
    assert decode_delta(f"[trimmed: {n_bytes} bytes]") == bytes(n_bytes)


@pytest.mark.parametrize("n", [str(MAX_TRIMMED_BYTES + 1), "9" * 12, "9" * 5000, "-2", "1,000", "٣", " 4", ""])
def test_trimmed_audio_is_bounded(n: str) -> None:
    """A log cannot make us allocate without limit, and its count is plain digits."""
    with pytest.raises(BadAudio, match="trimmed"):
        decode_delta(f"[trimmed: {n} bytes]")


def test_trimmed_audio_has_nothing_around_it() -> None:
    """The special text stands alone."""
    with pytest.raises(BadAudio, match="trimmed"):
        decode_delta("[trimmed: 4 bytes]\n")
    with pytest.raises(BadAudio, match="not base64") as caught:
        decode_delta("AAAA[trimmed: 4 bytes]")
    assert isinstance(caught.value.__cause__, binascii.Error)
