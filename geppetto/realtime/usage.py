"""The tokens that one response cost, as the server reports them."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Tokens of one response, or of several added up; zero where the server said nothing.

    Cached tokens are a subset of the input tokens, not an addition to them.

    Source: `response.done`, `response.usage`, in the Realtime API reference.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    """What the server calls the total; not computed when it is missing."""
    input_text_tokens: int = 0
    input_audio_tokens: int = 0
    input_image_tokens: int = 0
    cached_tokens: int = 0
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0

    @classmethod
    def from_json(cls, value: object) -> Usage:
        """
        Read a `usage` object; whatever is not a count of tokens is read as zero.

        `usage` is null in `response.created`, null or `{}` on some servers, and the beta API has neither
        images nor `cached_tokens_details`. Usage is a courtesy to the user, so nothing in it is an error.
        """
        inputs = _member(value, "input_token_details")
        cached = _member(inputs, "cached_tokens_details")
        outputs = _member(value, "output_token_details")
        return cls(
            input_tokens=_count(value, "input_tokens"),
            output_tokens=_count(value, "output_tokens"),
            total_tokens=_count(value, "total_tokens"),
            input_text_tokens=_count(inputs, "text_tokens"),
            input_audio_tokens=_count(inputs, "audio_tokens"),
            input_image_tokens=_count(inputs, "image_tokens"),
            cached_tokens=_count(inputs, "cached_tokens"),
            cached_text_tokens=_count(cached, "text_tokens"),
            cached_audio_tokens=_count(cached, "audio_tokens"),
            cached_image_tokens=_count(cached, "image_tokens"),
            output_text_tokens=_count(outputs, "text_tokens"),
            output_audio_tokens=_count(outputs, "audio_tokens"),
        )

    def as_json(self) -> dict[str, object]:
        """Return the tokens as Geppetto's own files have them; `from_record` reads them."""
        return {
            "total": self.total_tokens,
            "input": {
                "total": self.input_tokens,
                "text": self.input_text_tokens,
                "audio": self.input_audio_tokens,
                "image": self.input_image_tokens,
                "cached": {
                    "total": self.cached_tokens,
                    "text": self.cached_text_tokens,
                    "audio": self.cached_audio_tokens,
                    "image": self.cached_image_tokens,
                },
            },
            "output": {
                "total": self.output_tokens,
                "text": self.output_text_tokens,
                "audio": self.output_audio_tokens,
            },
        }

    @classmethod
    def from_record(cls, value: object) -> Usage:
        """Read what `as_json` returned; whatever is not a count of tokens is read as zero."""
        inputs = _member(value, "input")
        cached = _member(inputs, "cached")
        outputs = _member(value, "output")
        return cls(
            input_tokens=_count(inputs, "total"),
            output_tokens=_count(outputs, "total"),
            total_tokens=_count(value, "total"),
            input_text_tokens=_count(inputs, "text"),
            input_audio_tokens=_count(inputs, "audio"),
            input_image_tokens=_count(inputs, "image"),
            cached_tokens=_count(cached, "total"),
            cached_text_tokens=_count(cached, "text"),
            cached_audio_tokens=_count(cached, "audio"),
            cached_image_tokens=_count(cached, "image"),
            output_text_tokens=_count(outputs, "text"),
            output_audio_tokens=_count(outputs, "audio"),
        )

    def __add__(self, other: Usage) -> Usage:
        """Return the tokens of both."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.__struct_fields__})


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _count(value: object, key: str) -> int:
    count = _member(value, key)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        return 0
    return count
