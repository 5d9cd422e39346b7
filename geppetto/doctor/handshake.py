"""The opening handshake, and the session that the server opens behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from geppetto import __version__
from geppetto.connection.failures import transient
from geppetto.connection.transport import Limits, open_transport
from geppetto.doctor.check import ok
from geppetto.errors import GeppettoError
from geppetto.realtime.decoding import BadMessage, decode
from geppetto.realtime.events import ServerError, SessionCreated
from geppetto.realtime.verdicts import session_ending

if TYPE_CHECKING:
    from geppetto.config import ClientConfig
    from geppetto.connection.dial import Route
    from geppetto.connection.transport import Transport
    from geppetto.doctor.check import Finding

_CLOSE_S: Final = 1.0


async def open_session(config: ClientConfig, route: Route) -> Finding:
    """
    Do the opening handshake with the server of *config*, and wait for `session.created`.

    Closes: the connection, with 1000.

    Raises:
        GeppettoError: the server refused, or was silent, or the connection was lost.
    """
    limits = Limits(
        connect_timeout=config.connect_timeout,
        write_timeout=config.write_timeout,
        close_timeout=_CLOSE_S,
        max_message_bytes=config.max_message_bytes,
    )
    error: GeppettoError | None = None
    created: SessionCreated | None = None
    async with open_transport(config.endpoint, headers_of(config), limits, route) as transport:
        with trio.move_on_after(config.connect_timeout):
            # An error is raised below, outside of the transport's nursery, which would wrap it.
            created, error = await _greeting(transport)
    if error is not None:
        raise error
    if created is None:
        raise transient(f"{config.host} opened no session within {config.connect_timeout:g} s.")
    return ok(
        f"{config.host} opened a session for the model {config.model_name}.",
        model=config.model_name,
        dialect=config.dialect,
        session_id=created.session_id,
    )


async def _greeting(transport: Transport) -> tuple[SessionCreated | None, GeppettoError | None]:
    """Return `session.created`, or why it will not come."""
    while True:
        try:
            _, event = decode(await transport.receive())
        except BadMessage:
            continue  # a chat skips it, too
        except GeppettoError as error:
            return None, error
        if isinstance(event, SessionCreated):
            return event, None
        if isinstance(event, ServerError):
            ending = session_ending(event.error, "")
            if ending is not None and ending.error is not None:
                return None, ending.error


def headers_of(config: ClientConfig) -> list[tuple[str, str]]:
    """Return the headers that a connection to the server of *config* shows: who asks, and with which key."""
    headers = [("User-Agent", f"geppetto/{__version__}"), *config.protocol.headers]
    if config.api_key is not None:
        headers.append(config.served_by.auth_header(config.api_key))
    return headers
