"""What is to be asked: words, files, pictures or a voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from geppetto.audio.pcm import duration_s
from geppetto.errors import ConfigError
from geppetto.repl.saving import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geppetto.chat import Chat

_SAY = "Say the words of the user exactly as they are, in their language. Do not answer them, and add nothing."


@attrs.frozen(kw_only=True)
class Request:
    """One question, and how it is shown. Kept for `/retry`."""

    shown: str
    words: str
    """What is sent; of a spoken question, what the records call it."""
    audio: bytes | None = attrs.field(default=None, repr=False)
    """PCM16, mono, 24,000 Hz."""
    images: Sequence[str] = attrs.field(default=(), repr=False)
    """`data:` URLs."""
    instructions: str | None = None
    independent: bool = False

    def put_to(self, chat: Chat) -> None:
        """
        Ask *chat*; whoever wants the words gets them from the display.

        Raises:
            GeppettoError: the session is over, or has no such questions.
        """
        chat.stream(
            self.words,
            instructions=self.instructions,
            audio=self.audio,
            images=self.images,
            independent=self.independent,
        )


class Material:
    """Files that go with the next question. Each `add_…` reads one, in a thread, and tells what it is."""

    def __init__(self) -> None:
        """Begin with none."""
        self._texts: list[str] = []
        self._images: list[str] = []

    async def add_text(self, path: Path) -> str:
        """
        Take the text of *path*.

        Raises:
            ConfigError: it is not a file, too large, or not text.
        """
        text = await trio.to_thread.run_sync(read_text, path, abandon_on_cancel=True)
        self._texts.append(f"{path.name}:\n\n{text}")
        return f"{path.name} goes with the next question: {len(text):,} characters"

    async def add_image(self, path: Path) -> str:
        """
        Take the picture in *path*.

        Raises:
            ConfigError: it is none, or too large.
        """
        from geppetto.images import read_image  # not before somebody shows one

        image = await trio.to_thread.run_sync(read_image, path, abandon_on_cancel=True)
        if len(self._images) == _MOST_IMAGES:
            raise ConfigError(f"{_MOST_IMAGES} pictures are with the next question already. Ask it first.")
        self._images.append(image.data_url)
        return f"{path.name} goes with the next question: {image.width:,} x {image.height:,} pixels"

    def request(self, typed: str) -> Request:
        """Return what *typed* makes together with the files, which are forgotten then."""
        texts, self._texts = self._texts, []
        images, self._images = self._images, []
        words = "\n\n".join((*texts, typed))
        return Request(shown=words, words=words, images=tuple(images))


_MOST_IMAGES = 1
"""A message holds 15 MiB (Realtime API, 2026-11), and a picture may have most of that."""


async def spoken(path: Path) -> Request:
    """
    Return the spoken question in *path*, which is read in a thread.

    Raises:
        ConfigError: it cannot be read, is no audio, damaged, too short or too long.
        MissingExtra: it is no plain WAV, and the packages that read others are not installed.
    """
    from geppetto.audio.reading import read_audio  # not before somebody speaks

    pcm = await trio.to_thread.run_sync(read_audio, path, abandon_on_cancel=True)
    return Request(shown=f"[{path.name}: {duration_s(len(pcm)):.1f} s of audio]", words=path.name, audio=pcm)


def to_be_said(text: str) -> Request:
    """Return what lets the voice say *text*: apart from the conversation, which goes on as if nothing was said."""
    return Request(shown=f"[to be said] {text}", words=text, instructions=_SAY, independent=True)
