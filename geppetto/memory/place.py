"""Where the conversations are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME: Final = "conversations.sqlite3"


def database_path(environ: Mapping[str, str]) -> Path:
    """
    Return the path of the database, which need not exist.

    It is in `$GEPPETTO_DATA_DIR`, else where the system keeps the data of a user's programs:
    `$XDG_DATA_HOME/geppetto`, else `~/.local/share/geppetto`; on macOS `~/Library/Application Support/geppetto`.
    """
    own = environ.get("GEPPETTO_DATA_DIR")
    if own:
        return Path(own).expanduser().absolute() / FILE_NAME
    import platformdirs  # only where it is needed: the chat without memory loads it not

    return platformdirs.user_data_path("geppetto", appauthor=False) / FILE_NAME
