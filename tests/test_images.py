"""Pictures from files: what they are, how large they are, and what is refused."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geppetto.errors import ConfigError
from geppetto.given_file import MESSAGE_BYTES
from geppetto.images import MOST_BYTES, Image, read_image

if TYPE_CHECKING:
    from pathlib import Path


def png(width: int, height: int) -> bytes:
    """Return a grey PNG."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    pixels = zlib.compress((b"\0" + bytes(width)) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, *, frame: int = 0xC0, before: bytes = b"") -> bytes:
    """Return the segments of a JPEG that stand before its picture, with *before* in front of the frame."""
    start = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    tables = b"\xff\xdb\0\x43\0" + bytes(64) + b"\xff\xc4\0\x05\0\0\0"
    size = struct.pack(">BBHBHHB", 0xFF, frame, 11, 8, height, width, 1) + b"\1\x11\0"
    return start + tables + before + size + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(50) + b"\xff\xd9"


def refusal(path: Path) -> str:
    """Return the sentence for *path*, without its directory."""
    with pytest.raises(ConfigError) as caught:
        read_image(path)
    return str(caught.value).replace(f"{path.parent}/", "")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(1, 300), height=st.integers(1, 300))
def test_a_png(tmp_path: Path, width: int, height: int) -> None:
    """It is known by its first bytes, whatever its name says."""
    data = png(width, height)
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_image(tmp_path / "a.jpg") == Image(
        media_type="image/png", data=data, name="a.jpg", width=width, height=height
    )


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xCF])
@pytest.mark.parametrize(
    "before",
    [b"", b"\xff\xff\xff", b"\xff\xfe\0\x04hi", b"\xff\x01", b"\xff\xe1\x01\x02" + jpeg(7, 9).ljust(256, b"\0")],
)
def test_a_jpeg(tmp_path: Path, frame: int, before: bytes) -> None:
    """Of every kind of frame, behind filling and comments, and not of the size of the thumbnail in it."""
    data = jpeg(640, 480, frame=frame, before=before)
    (tmp_path / "a").write_bytes(data)
    assert read_image(tmp_path / "a") == Image(media_type="image/jpeg", data=data, name="a", width=640, height=480)


def test_the_data_url(tmp_path: Path) -> None:
    """Type and content are in it, and the content is in no representation."""
    (tmp_path / "a.png").write_bytes(png(2, 1))
    image = read_image(tmp_path / "a.png")
    head, _, content = image.data_url.partition(",")
    assert (head, base64.b64decode(content, validate=True)) == ("data:image/png;base64", png(2, 1))
    assert "PNG" not in repr(image)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a is empty. Name another file."),
        (b"hello", "a is no picture that is known here. Name a PNG or a JPEG."),
        (b"GIF89a" + bytes(20), "a is a GIF, which servers do not take. Convert it to PNG or JPEG."),
        (b"RIFF\x20\0\0\0WEBPVP8 ", "a is a WEBP, which servers do not take. Convert it to PNG or JPEG."),
        (b"\0\0\0\x18ftypheic", "a is a HEIC, which servers do not take. Convert it to PNG or JPEG."),
        (b"\0\0\0\x18ftypmp42", "a is no picture that is known here. Name a PNG or a JPEG."),
        (png(0, 5), "a is damaged or ends in its header. Copy or make it again."),
        (jpeg(5, 0), "a is damaged or ends in its header. Copy or make it again."),
        (b"\xff\xd8\xff\xda\0\x02", "a is damaged or ends in its header. Copy or make it again."),
        (b"\xff\xd8\xff\xe0\0\1", "a is damaged or ends in its header. Copy or make it again."),
    ],
)
def test_what_is_no_picture(tmp_path: Path, content: bytes, sentence: str) -> None:
    """What it is instead is said, where people take it for one."""
    (tmp_path / "a").write_bytes(content)
    assert refusal(tmp_path / "a") == sentence


def test_a_header_that_is_cut_off(tmp_path: Path) -> None:
    """Wherever that is, there is a sentence."""
    for whole, size_at in ((png(3, 3), 24), (jpeg(3, 3), jpeg(3, 3).index(b"\xff\xc0") + 9)):
        for end in range(1, size_at):
            (tmp_path / "a").write_bytes(whole[:end])
            assert refusal(tmp_path / "a").startswith("a is ")
        (tmp_path / "a").write_bytes(whole[:size_at])
        assert read_image(tmp_path / "a").width == 3


def test_what_is_no_file(tmp_path: Path) -> None:
    """A directory, a pipe that nobody writes to, and nothing at all."""
    (tmp_path / "below").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "below") == "below is a directory. Name a file in it."
    assert refusal(tmp_path / "pipe").startswith("pipe is not a regular file.")
    assert refusal(tmp_path / "none").startswith("none cannot be read (no such file or directory).")


def test_the_largest_picture(tmp_path: Path) -> None:
    """One byte more does not go into a message."""
    (tmp_path / "a.png").write_bytes(png(3, 3))
    os.truncate(tmp_path / "a.png", MOST_BYTES)
    assert MESSAGE_BYTES * 0.95 < len(read_image(tmp_path / "a.png").data_url) < MESSAGE_BYTES * 0.98
    os.truncate(tmp_path / "a.png", MOST_BYTES + 1)
    assert refusal(tmp_path / "a.png") == (
        "a.png has 11,534,337 bytes. A picture has 11,534,336 at the most: make it smaller."
    )


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=80), start=st.sampled_from((b"", png(1, 1)[:8], b"\xff\xd8\xff")))
def test_any_bytes_are_a_picture_or_refused(tmp_path: Path, content: bytes, start: bytes) -> None:
    """Nothing else raises, and no size is nothing."""
    (tmp_path / "a").write_bytes(start + content)
    with suppress(ConfigError):
        image = read_image(tmp_path / "a")
        assert min(image.width, image.height) > 0
