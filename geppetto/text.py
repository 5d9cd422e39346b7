"""Text from the network, made safe to show."""

from __future__ import annotations

import re

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""C0 but tab and newline, DEL, C1: they steer the terminal."""
_CONTROL = re.compile(rf"\r\n|[{_CONTROLS}]")
_UNSAFE = re.compile(
    rf"\r\n|[{_CONTROLS}"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi marks, overrides, isolates: they reorder text
    r"\u2028\u2029"  # line breaks for some terminals, pagers and parsers, for others not
    r"\ud800-\udfff]"  # lone surrogates: they cannot be encoded
)
_SURROGATE = r"[\ud800-\udfff]"  # compiled where it is met first: not every start needs it


def encodable(text: str) -> str:
    """
    Return *text* so that it can be encoded as UTF-8; what can be is not copied.

    Two halves of a surrogate pair that came in two deltas become their character; one alone becomes U+FFFD.
    """
    if text.isascii() or re.search(_SURROGATE, text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def escape(text: str) -> str:
    r"""
    Make *text* safe for a terminal: what could steer or mislead it becomes visible, as `\x1b` or `\u202e`.

    Newline and tab stay, `\r\n` becomes a newline. The zero-width joiner stays, because emoji need it. The
    backslash is not doubled, so this is for people to read and cannot be undone.
    """
    return _UNSAFE.sub(_visible, text)


def escape_controls(text: str) -> str:
    r"""
    Make the control characters of *text* visible as `escape` does, and nothing else.

    For what is kept in a file: there, text that runs from right to left needs its marks.
    """
    return _CONTROL.sub(_visible, text)


def escape_line(text: str) -> str:
    r"""Make *text* safe for one line of a terminal: as `escape`, and newline and tab become `\n` and `\t`."""
    return escape(text).replace("\n", "\\n").replace("\t", "\\t")


def _visible(match: re.Match[str]) -> str:
    if match[0] == "\r\n":
        return "\n"
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
