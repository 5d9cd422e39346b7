"""A picture from a file: what it is by its first bytes, not by its name."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.errors import ConfigError
from geppetto.given_file import open_given, read_exactly

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES: Final = 11 * 1024 * 1024
"""What one message holds, as base64, with a third of a MiB left for all else that is in it: see `MESSAGE_BYTES`."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_IHDR: Final = b"\0\0\0\rIHDR"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers before a size; the others of the row are for tables."""
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that nothing belongs to."""
_JPEG_SCAN: Final = 0xDA
_OTHERS: Final = {
    b"GIF87a": "a GIF",
    b"GIF89a": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"%PDF-": "a PDF",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"8BPS": "a Photoshop file",
    b"<svg": "an SVG",
}
_BRANDS: Final = {b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC", b"avif": "an AVIF", b"avis": "an AVIF"}


@attrs.frozen(kw_only=True)
class Image:
    """A picture as it is sent."""

    media_type: str
    """`image/png` or `image/jpeg`."""
    data: bytes = attrs.field(repr=False)
    """The file, as it is."""
    name: str
    """Of the file, without its directory."""
    width: int
    """In pixels, as stored: what a JPEG says of its orientation is not looked at."""
    height: int

    @property
    def data_url(self) -> str:
        """The `image_url` of an `input_image`; a third longer than `data`, and made anew each time."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


def read_image(path: Path) -> Image:
    """
    Return the picture in the file *path*. Blocks; no pipe is waited for.

    It is not decoded: past the header, nothing is known of it.

    Raises:
        ConfigError: it cannot be read, is neither PNG nor JPEG, is too large, or ends in its header.

    Source: `input_image` in the Realtime API reference, 2026-11, which takes PNG and JPEG; PNG, third edition, 5.2
    and 11.2.1; ITU-T T.81, B.1 and B.2.2.
    """
    with open_given(path) as (file, size_bytes):
        if size_bytes > MOST_BYTES:
            msg = f"{path} has {size_bytes:,} bytes. A picture has {MOST_BYTES:,} at the most: make it smaller."
            raise ConfigError(msg)
        data = read_exactly(file, MOST_BYTES)
    if data.startswith(_PNG):
        media_type, size = "image/png", _png_size(data)
    elif data.startswith(_JPEG):
        media_type, size = "image/jpeg", _jpeg_size(data)
    else:
        other = _other(data)
        if other is None:
            raise ConfigError(f"{path} is no picture that is known here. Name a PNG or a JPEG.")
        raise ConfigError(f"{path} is {other}, which servers do not take. Convert it to PNG or JPEG.")
    if size is None:
        raise ConfigError(f"{path} is damaged or ends in its header. Copy or make it again.")
    return Image(media_type=media_type, data=data, name=path.name, width=size[0], height=size[1])


def _png_size(data: bytes) -> tuple[int, int] | None:
    at = len(_PNG)
    return _checked(data[at + 8 : at + 16], 4) if data.startswith(_IHDR, at) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return the size that the first frame of a JPEG has; None when there is no frame before the first scan."""
    at = 2
    while data[at : at + 1] == b"\xff" and at + 1 < len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            size = _checked(data[at + 5 : at + 9], 2)
            return None if size is None else size[::-1]
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == _JPEG_SCAN or length < 2:
                return None
            at += 2 + length
    return None


def _checked(sizes: bytes, size_bytes: int) -> tuple[int, int] | None:
    """Return the two numbers of *sizes*, of *size_bytes* each; None when it is cut off, or one is 0."""
    first, second = (int.from_bytes(sizes[at : at + size_bytes], "big") for at in (0, size_bytes))
    return (first, second) if len(sizes) == 2 * size_bytes and first and second else None


def _other(data: bytes) -> str | None:
    """Return what *data* is, of what people take for a picture."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "a WEBP"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    return next((name for magic, name in _OTHERS.items() if data.startswith(magic)), None)
