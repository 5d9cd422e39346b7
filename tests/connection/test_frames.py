"""What is taken out of the stream, with wsproto as the referee, and the cases of the Autobahn suite."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from geppetto.connection.frames import MASK_BYTES, TextMessages, text_frame
from tests.connection.referee import MAX_BYTES, NO_TEXT, Referee, check

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
TEXT_BEGINS, BINARY_BEGINS, GOES_ON, ENDS = 0x01, 0x02, 0x00, 0x80
LENGTHS = (0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537)
KAPPA = "κόσμε".encode()
BAD = KAPPA + b"\xed\xa0\x80" + b"edited"
"""Half a surrogate pair, as the Autobahn suite sends it."""


def frame(first: int, payload: bytes = b"", *, masked: bool = False) -> bytes:
    """Return a frame that begins with the byte *first*."""
    length = len(payload)
    flag = 0x80 if masked else 0
    if length < 126:
        head = struct.pack("!BB", first, flag | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, flag | 126, length)
    else:
        head = struct.pack("!BBQ", first, flag | 127, length)
    return head + (bytes(4) if masked else b"") + payload


FRAMES = st.one_of(
    st.builds(frame, st.just(TEXT), st.text(max_size=40).map(str.encode)),
    st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=125)),
    st.builds(frame, st.just(TEXT), st.sampled_from(LENGTHS).map(lambda length: b"x" * length)),
    st.builds(
        lambda pieces, pings: b"".join(
            ping + frame((TEXT_BEGINS if number == 0 else 0) | (ENDS if number == len(pieces) - 1 else 0), piece)
            for number, (ping, piece) in enumerate(zip(pieces, pings, strict=False))
        ),
        st.lists(st.binary(max_size=9), min_size=1, max_size=4),
        st.lists(st.sampled_from([b"", frame(PING, b"p")]), min_size=4, max_size=4),
    ),
    st.builds(
        lambda text, at: frame(TEXT_BEGINS, text[:at]) + frame(PING) + frame(ENDS, text[at:]),
        st.text(max_size=9).map(str.encode),
        st.integers(0, 9),
    ),
)
ODD_FRAMES = st.one_of(
    st.builds(frame, st.integers(0, 255), st.binary(max_size=130), masked=st.booleans()),
    st.builds(frame, st.just(CLOSE), st.integers(0, 5001).map(lambda code: struct.pack("!H", code) + b"why")),
    st.builds(frame, st.just(TEXT), st.binary(max_size=9)),
    st.binary(max_size=12),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(FRAMES, max_size=6), st.lists(ODD_FRAMES, max_size=3), st.lists(st.integers(0, 300_000), max_size=6))
@example([frame(TEXT, b"x" * 70_000)], [frame(TEXT, BAD)], [9, 70_012])
def test_whatever_comes_wsproto_would_have_said_the_same(plain: list[bytes], odd: list[bytes], at: list[int]) -> None:
    """Any frames, right and wrong, cut anywhere: the same messages, pings and Close at the same byte."""
    check(b"".join(plain + odd + plain[:1]), at)


@settings(deadline=None, max_examples=50)
@given(st.lists(FRAMES, min_size=1, max_size=4), st.lists(ODD_FRAMES, max_size=2))
def test_a_stream_may_come_byte_by_byte(plain: list[bytes], odd: list[bytes]) -> None:
    """Wherever it is cut, headers and characters included."""
    stream = b"".join(plain + odd)[:2_000]
    check(stream, list(range(len(stream))))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("step", [1, 2, 1000, 1 << 20])
def test_texts_of_every_length_are_taken(length: int, step: int) -> None:
    """Autobahn 1.1: the lengths around which the header changes, whole and in pieces; nothing is left to wsproto."""
    if length > 1000 and step < 1000:
        step = 997
    stream = frame(TEXT, b"*" * length)
    texts = TextMessages(MAX_BYTES)
    assert not any(texts.feed(stream[at : at + step]) for at in range(0, len(stream), step))
    assert list(texts.ready) == ["*" * length]
    assert not texts.over


@pytest.mark.parametrize("first", [PING, PONG])
@pytest.mark.parametrize("length", [0, 8, 125])
def test_pings_and_pongs_go_on_as_they_are(first: int, length: int) -> None:
    """Autobahn 2: a whole one at a time, and texts go on being taken behind it."""
    texts = TextMessages(MAX_BYTES)
    control = frame(first, b"\xfe" * length)
    assert texts.feed(frame(TEXT, b"a") + control + frame(TEXT, b"b")) == control
    assert texts.feed(control[:-1]) == b""
    assert texts.feed(control[-1:] + frame(TEXT, b"c")) == control
    assert list(texts.ready) == ["a", "b", "c"]


@pytest.mark.parametrize("pieces", [[b""], [b"", b"", b""], [b"frag", b"ment"], [b"\xce", b"\xba\xe1", b"\xbd\xb9"]])
def test_fragments_are_joined(pieces: list[bytes]) -> None:
    """Autobahn 5 and 6.2: pieces of a text with pings between them, cut inside a character, empty ones included."""
    stream = b""
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        stream += frame((TEXT_BEGINS if number == 0 else GOES_ON) | (ENDS if last else 0), piece) + frame(PING, b"p")
    heard, texts = check(stream + frame(TEXT, b"next"), [3, 5])
    assert heard.messages == [b"".join(pieces).decode(), "next"]
    assert not texts.over


WRONG = {
    "2.5 a long ping": frame(PING, bytes(126)),
    "2.5 a long ping by its length": b"\x89\x7e\x00\x05hello",
    "3.1 a reserved bit": frame(TEXT | 0x40, b"Hi"),
    "3.2 another": frame(TEXT | 0x20, b"Hi"),
    "3.3 the third": frame(PING | 0x10, b"Hi"),
    "4.1 a reserved opcode": frame(0x83),
    "4.2 a reserved control opcode": frame(0x8B),
    "5.1 a ping in pieces": frame(0x09, b"Hi"),
    "5.9 a piece of nothing": frame(ENDS, b"Hi"),
    "5.18 a text in a text": frame(TEXT_BEGINS, b"Hi") + frame(TEXT, b"Hi"),
    "6.3 no UTF-8": frame(TEXT, BAD),
    "6.4 no UTF-8 in pieces": frame(TEXT_BEGINS, KAPPA) + frame(GOES_ON, b"\xf4\x90\x80\x80") + frame(ENDS),
    "6.6 half a character": frame(TEXT, KAPPA[:-1]),
    "7.3.2 half a close code": frame(CLOSE, b"\x03"),
    "7.5 a reason that is no UTF-8": frame(CLOSE, b"\x03\xe8" + BAD),
    "a masked frame": frame(TEXT, b"Hi", masked=True),
    "a length with more bytes than it needs": b"\x81\x7e\x00\x05hello",
    "the same with eight": b"\x81\x7f" + (200).to_bytes(8, "big") + bytes(200),
    "a length that is negative": b"\x81\x7f\xff" + bytes(7),
}


@pytest.mark.parametrize("stream", WRONG.values(), ids=WRONG)
def test_what_breaks_a_rule_is_told_by_wsproto(stream: bytes) -> None:
    """Its code and its words, at the same byte, and nothing behind it is taken."""
    heard, texts = check(frame(TEXT, b"before") + stream + frame(TEXT, b"behind"), list(range(len(stream) + 8)))
    assert heard.messages == ["before"]
    assert heard.close is not None
    assert heard.close[0] in {1002, NO_TEXT}
    assert texts.over


CODES = (0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000)


@pytest.mark.parametrize("code", CODES)
def test_a_close_is_for_wsproto(code: int) -> None:
    """Autobahn 7.7 and 7.9: codes that may and may not be on the wire."""
    heard, texts = check(frame(TEXT, b"before") + frame(CLOSE, struct.pack("!H", code)), [])
    assert heard.close is not None
    assert heard.close[0] == (code if code in {1000, 1003, 1007, 3000, 4999} else 1002)
    assert texts.over


def test_bad_text_is_told_before_its_frame_is_whole() -> None:
    """Autobahn 6.4: fail fast, as soon as no more bytes could make it right."""
    heard, _ = check(frame(TEXT, BAD + bytes(1000))[: len(BAD) + 10], [])
    assert heard.close is not None
    assert heard.close[0] == NO_TEXT


@pytest.mark.parametrize(
    "stream",
    [
        frame(TEXT, b"x" * 11),
        frame(TEXT_BEGINS, b"x" * 6) + frame(ENDS, b"x" * 5),
        frame(BINARY, b"x"),
        frame(BINARY_BEGINS, b"x") + frame(ENDS, b"y"),
    ],
    ids=["a long text", "a long text in pieces", "bytes", "bytes in pieces"],
)
def test_what_is_not_taken_is_passed_on_from_its_beginning(stream: bytes) -> None:
    """Binary messages and texts over the limit, and all that comes behind them, so that the order stays."""
    texts = TextMessages(10)
    behind = frame(TEXT, b"behind")
    assert texts.feed(frame(TEXT, b"x" * 10) + stream + behind) == stream + behind
    assert texts.feed(behind) == behind
    assert list(texts.ready) == ["x" * 10]
    check(stream + behind, [3, 9], max_bytes=10)


def test_the_limit_is_that_of_each_message() -> None:
    """Messages in pieces do not add up."""
    texts = TextMessages(10)
    in_pieces = frame(TEXT_BEGINS, b"x" * 6) + frame(ENDS, b"x" * 4)
    assert texts.feed(in_pieces * 3 + in_pieces[:3]) == b""
    assert texts.feed(in_pieces[3:]) == b""
    assert list(texts.ready) == ["x" * 10] * 4


@pytest.mark.parametrize("piece", [b"", "\N{GREEK SMALL LETTER KAPPA}".encode()], ids=["empty", "a character"])
def test_a_message_in_endless_pieces_ends_over_the_limit(piece: bytes) -> None:
    """Its frames count, too: it is told as a message that is too long, once, and takes no more memory than one."""
    texts, referee, limit = TextMessages(MAX_BYTES), Referee(), 4 * MAX_BYTES
    referee.feed(texts.feed(frame(TEXT, b"before") + frame(TEXT_BEGINS, piece)))
    many = frame(GOES_ON, piece) * 10_000 + frame(PING, b"p")
    tracemalloc.start()
    try:
        for _ in range(limit // len(many)):
            referee.feed(texts.feed(many))
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
    assert referee.heard.close == (1009, f"Exceeded maximum message size: {MAX_BYTES} bytes")
    assert texts.over
    assert texts.feed(frame(TEXT, b"behind")) == b""
    assert list(texts.ready) == ["before"]


def test_the_pieces_are_counted_of_each_message() -> None:
    """Messages do not add up, and even a small limit leaves room for some thousands of pieces."""
    texts = TextMessages(10)
    in_pieces = frame(TEXT_BEGINS, b"x") + frame(GOES_ON) * 4_000 + frame(ENDS, b"y")
    assert texts.feed(in_pieces * 3) == b""
    assert list(texts.ready) == ["xy"] * 3


def test_a_long_message_in_pieces_is_in_memory_twice() -> None:
    """As its pieces and as a whole: for what might have to be passed on no third copy is kept."""
    payload = b"word " * 400_000
    stream, texts = frame(TEXT, payload), TextMessages(1 << 22)
    pieces = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]
    tracemalloc.start()
    try:
        assert not any(texts.feed(piece) for piece in pieces)
        assert tracemalloc.get_traced_memory()[1] < 2.3 * len(payload)
    finally:
        tracemalloc.stop()
    assert texts.ready.popleft() == payload.decode()


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7])
def test_a_message_in_one_frame_is_passed_on_as_it_came(step: int) -> None:
    """From its header to the byte that is no text, characters that were cut included."""
    stream = frame(TEXT, "a κόσμε 🙂 ".encode() * 20 + BAD + b"behind")
    texts = TextMessages(MAX_BYTES)
    assert b"".join(texts.feed(stream[at : at + step]) for at in range(0, len(stream), step)) == stream
    assert texts.over


@given(
    st.lists(
        st.tuples(
            st.one_of(st.text(), st.sampled_from(LENGTHS).map(lambda length: "x" * length)),
            st.binary(min_size=MASK_BYTES, max_size=MASK_BYTES),
        )
    )
)
def test_a_server_hears_what_was_framed(said: list[tuple[str, bytes]]) -> None:
    """Messages of any length, each masked with bytes of its own, are whole and in order for a server."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(b"".join(text_frame(text, mask) for text, mask in said))
    heard = [""]
    for event in server.events():
        assert isinstance(event, TextMessage)
        heard[-1] += event.data
        if event.message_finished:
            heard.append("")
    assert heard == [*(text for text, _ in said), ""]


def test_a_mask_hides_what_is_said() -> None:
    """Whoever relays the bytes cannot be made to see words of ours: RFC 6455, 10.3."""
    first, second = (text_frame("the same words", mask) for mask in (b"\1\2\3\4", b"\5\6\7\x08"))
    assert b"words" not in first + second
    assert first[2:6] == b"\1\2\3\4"
    assert first[6:] != second[6:]
