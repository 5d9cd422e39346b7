"""
What can go wrong, as the user sees it.

- `GeppettoError`
    - `ConfigError`: a setting is wrong or missing (exit status 2)
        - `MissingExtra`: an optional package is not installed (2)
    - `ConnectFailed`: no connection could be made (4)
    - `ServerRefused`: the server said no, and would say no again (5)
    - `ConnectionLost`: a connection that stood is gone (6)
        - `ConnectionEnded`: and a new one would not help (6)
        - `RollOver`: its time limit is near; never leaves a session
    - `OutputFailed`: a file or a stream cannot be written (7)
    - `Withdrawn`: a question was taken back before anything of its answer came (3)
    - `ChangeRefused`: the server refused other settings, and the session goes on (5)
    - `Stopped`: a signal, or the reader of stdout, ended the session (129, 130, 141, 143)

`str()` of each is one sentence for the user, with the next step last. The library's own exception is its cause.
"""

from __future__ import annotations

import attrs

from geppetto.status import ExitStatus


class GeppettoError(Exception):
    """Base of every expected error. A bug is never one of these."""

    status: ExitStatus = ExitStatus.BUG


class ConfigError(GeppettoError):
    """A setting is wrong or missing."""

    status = ExitStatus.USAGE


class MissingExtra(ConfigError):
    """An optional package is not installed; the sentence holds the install line."""


class ConnectFailed(GeppettoError):
    """No connection could be made: DNS, TCP, TLS, handshake or time-out."""

    status = ExitStatus.NO_CONNECTION


class ServerRefused(GeppettoError):
    """The server refused and would refuse again: key, account, model, path or settings."""

    status = ExitStatus.REFUSED


class ConnectionLost(GeppettoError):
    """A connection that stood is gone, or an answer stalled."""

    status = ExitStatus.CONNECTION_LOST


class ConnectionEnded(ConnectionLost):
    """A connection ended in a way that a new one would repeat, or that the server meant: 1000, 1009."""


class RollOver(ConnectionLost):
    """The session's time limit is near, and the connection is to be replaced. Never leaves a session."""


class OutputFailed(GeppettoError):
    """A file or a stream cannot be written; the sentence names it."""

    status = ExitStatus.OUTPUT_FAILED


class Withdrawn(GeppettoError):
    """A question was taken back before anything of its answer came; the session goes on."""

    status = ExitStatus.UNANSWERED


class ChangeRefused(GeppettoError):
    """The server refused other settings; the old ones go on, and so does the session."""

    status = ExitStatus.REFUSED


class Stopped(GeppettoError):
    """A signal ended the session, or the reader of stdout went away; `status` says which."""

    def __init__(self, message: str, status: ExitStatus) -> None:
        super().__init__(message)
        self.status = status


_ERRORS: dict[ExitStatus, type[GeppettoError]] = {
    error.status: error for error in (ConfigError, ConnectFailed, ServerRefused, ConnectionLost, OutputFailed)
}


@attrs.frozen
class Ending:
    """How a session ended, when it ended as sessions do. A bug is not an ending: it is an exception."""

    status: ExitStatus
    why: str
    """One sentence for the user; empty when there is nothing to say."""
    cause: BaseException | None = attrs.field(default=None, eq=False)

    @property
    def error(self) -> GeppettoError | None:
        """The same as an exception, for callers of the Python API; None for a good ending."""
        if self.status is ExitStatus.OK:
            return None
        known = _ERRORS.get(self.status)
        error = known(self.why) if known is not None else Stopped(self.why, self.status)
        error.__cause__ = self.cause
        return error

    @classmethod
    def of(cls, error: GeppettoError) -> Ending:
        """Return the ending that *error* stands for."""
        return cls(error.status, str(error), error.__cause__)
