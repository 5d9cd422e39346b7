"""What every test stands on: none reads the settings, keys or conversations of whoever runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the user's directories be empty ones, also for the processes that tests start, and no setting be set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("GEPPETTO_") and name != "GEPPETTO_FIGURES":
                patch.delenv(name)
        place = tmp_path_factory.mktemp("user")
        for name, directory in (
            ("GEPPETTO_CONFIG_DIR", "config"),
            ("GEPPETTO_DATA_DIR", "data"),
            ("XDG_STATE_HOME", "state"),
        ):
            patch.setenv(name, str(place / directory))
        yield
