"""Errors, endings and exit statuses belong together."""

from __future__ import annotations

import pytest

from geppetto import errors
from geppetto.errors import ConfigError, ConnectionLost, Ending, GeppettoError, MissingExtra, Stopped
from geppetto.status import ExitStatus


def classes(root: type[GeppettoError] = GeppettoError) -> list[type[GeppettoError]]:
    """Return every error of the module below *root*."""
    below = [error for child in root.__subclasses__() for error in [child, *classes(child)]]
    return [error for error in below if error.__module__ == errors.__name__]


@pytest.mark.parametrize("status", ExitStatus)
def test_every_bad_ending_is_an_error_of_its_status(status: ExitStatus) -> None:
    """The Python API raises what the command line exits with; a good ending is no error."""
    cause = OSError("disk")
    error = Ending(status, "Because.", cause).error
    if status is ExitStatus.OK:
        assert error is None
        return
    assert error is not None
    assert error.status is status
    assert str(error) == "Because."
    assert error.__cause__ is cause


@pytest.mark.parametrize("error_class", [error for error in classes() if error is not Stopped])
def test_every_error_is_an_ending_and_back(error_class: type[GeppettoError]) -> None:
    """An error that a task raises keeps its sentence, its status and its cause, and no error is a bug."""
    cause = OSError("network")
    error = error_class("Because.")
    error.__cause__ = cause
    ending = Ending.of(error)
    assert ending == Ending(error_class.status, "Because.")
    assert ending.cause is cause
    assert ending.status not in {ExitStatus.OK, ExitStatus.BUG}
    again = ending.error
    assert again is not None
    assert again.status is error.status


def test_a_signal_keeps_its_number() -> None:
    """`Stopped` has the status of the signal that it stands for."""
    assert Ending.of(Stopped("Interrupted.", ExitStatus.INTERRUPTED)).status == 130


def test_the_tree_is_documented() -> None:
    """The docstring of the module names every error with its exit status."""
    assert errors.__doc__ is not None
    for error in classes():
        assert f"`{error.__name__}`" in errors.__doc__
    assert issubclass(MissingExtra, ConfigError)
    assert ConnectionLost.status == 6
