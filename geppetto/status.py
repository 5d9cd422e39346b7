"""The exit statuses of every `geppetto` command, each with its reason."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the shell sees. A script can branch on each number; README has the same table."""

    OK = 0
    """`.quit`, Ctrl+D at the prompt, or the end of a pipe after every answer has arrived."""
    BUG = 1
    """A programming error in Geppetto: the traceback is on stderr."""
    USAGE = 2
    """Wrong usage, a missing key, a bad configuration, a missing extra."""
    UNANSWERED = 3
    """The session ended well, but some questions were not answered."""
    NO_CONNECTION = 4
    """DNS, TCP, proxy, TLS or the opening handshake failed, or timed out."""
    REFUSED = 5
    """The server refused: HTTP 401, 403, 404, a fatal account error, a wrong model, refused settings."""
    CONNECTION_LOST = 6
    """The connection was lost during the session and could not be had again."""
    OUTPUT_FAILED = 7
    """An output file or the wire log cannot be written."""
    HANGUP = 129
    """SIGHUP: 128 + 1."""
    INTERRUPTED = 130
    """SIGINT, Ctrl+C: 128 + 2."""
    BROKEN_PIPE = 141
    """The reader of stdout went away: 128 + SIGPIPE (13)."""
    TERMINATED = 143
    """SIGTERM: 128 + 15."""
