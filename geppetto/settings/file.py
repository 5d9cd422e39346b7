"""
The two files of settings: the one of the user, and the one of a directory, `./geppetto.toml`.

The second may have come with a repository that the user only cloned. So it may say nothing that sends a key
elsewhere, opens the conversation to others, or writes outside of its directory. Everything here blocks.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from geppetto.errors import ConfigError
from geppetto.settings.source import Source
from geppetto.settings.values import check_table
from geppetto.text import escape_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geppetto.settings.source import Kind
    from geppetto.settings.values import Table, Vocabulary

_MAX_BYTES: Final = 64 * 1024
_TRUSTED_ALONE: Final = frozenset({"key_env", "insecure_key", "proxy", "ca_file", "shared_files"})
_OUTPUTS: Final = ("audio_output_dir", "log_dir", "prices_file")
_BESIDE: Final = ("ca_file", "prices_file")
_POSITION: Final = re.compile(r" ?\(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


@attrs.frozen(kw_only=True)
class SettingsFile:
    """What a file of settings says. Made by `read_settings_file`; every table in it is checked."""

    path: Path
    project: bool
    """Whether it is the file of a directory."""
    text: str = attrs.field(repr=False)
    top: Mapping[str, object]
    profiles: Mapping[str, Mapping[str, object]]
    default_profile: str | None

    def source(self, name: str, profile: str | None) -> Source:
        """Return the place of the setting *name*, in the table of *profile* or at the top."""
        keys = (name,) if profile is None else ("profile", profile, name)
        kind: Kind = "project" if self.project else "user"
        return Source(kind, shown(self.path), functools.partial(line_of, self.text, keys))


def shown(path: Path) -> str:
    """Return *path* as sentences name it."""
    return escape_line(str(path))


def read_settings_file(path: Path, vocabulary: Vocabulary, *, project: bool) -> SettingsFile | None:
    """
    Read the settings of *path*; None if there is no such file.

    Raises:
        ConfigError: it can't be read or trusted, is not TOML, or something in it is wrong; the sentence names file,
            line and key, and what was probably meant.
    """
    text = _read(path, project=project)
    if text is None:
        return None
    import tomllib  # 3 ms, and many have no such file

    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        raise _no_toml(path, text, error) from error
    checker = _Checker(path=path, text=text, project=project, vocabulary=vocabulary)
    profiles = content.pop("profile", {})
    default = content.pop("default_profile", None)
    if default is not None and not isinstance(default, str):
        raise checker.wrong(("default_profile",), "default_profile must be the name of a profile, in quotes.")
    if not isinstance(profiles, dict):
        msg = 'profile must be a table, such as [profile.azure]. The one to begin with is default_profile = "azure".'
        raise checker.wrong(("profile",), msg)
    tables: dict[str, Mapping[str, object]] = {}
    for name, table in profiles.items():
        if not isinstance(table, dict):
            msg = f"profile.{escape_line(name)} must be a table of settings, such as [profile.azure]."
            raise checker.wrong(("profile", name), msg)
        tables[name] = checker.check(table, ("profile", name))
    return SettingsFile(
        path=path,
        project=project,
        text=text,
        top=checker.check(content, ()),
        profiles=tables,
        default_profile=default,
    )


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """
    Return the line, from 1, at which the statement begins that gives *keys* its value in *text*, which is TOML.

    What TOML is, only its parser knows: strings over several lines, dotted keys, inline tables. So it is asked which
    beginnings of the text are TOML, and which is the shortest that has the value: a search by halves.
    """
    import tomllib  # as above

    lines = text.split("\n")

    def has(count: int) -> bool | None:
        """Return whether the first *count* lines have it; None if they end within a statement."""
        try:
            value: object = tomllib.loads("\n".join(lines[:count]))
        except ValueError:
            return None
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        return True

    without, having = 0, len(lines)
    while having - without > 1:
        middle = (without + having) // 2
        end = middle
        while end < having and (found := has(end)) is None:
            end += 1
        if end == having:  # from the middle on it is one statement, which begins before
            start = middle - 1
            while start > without and (found := has(start)) is None:
                start -= 1
            if start == without:
                break
            end = start
        if found:
            having = end
        else:
            without = end
    return without + 1


@attrs.frozen(kw_only=True)
class _Checker:
    """Checks the tables of one file."""

    path: Path
    text: str
    project: bool
    vocabulary: Vocabulary

    def wrong(self, keys: tuple[str, ...], sentence: str) -> ConfigError:
        """Return the error at *keys*."""
        return ConfigError(f"{shown(self.path)}:{line_of(self.text, keys)}: {sentence}")

    def check(self, table: Table, above: tuple[str, ...]) -> Mapping[str, object]:
        """Return the values of *table*; see `read_settings_file`."""
        values = check_table(table, self.vocabulary, lambda name, why: self.wrong((*above, name), why), top=not above)
        for name in values if self.project else ():
            if name in _TRUSTED_ALONE:
                msg = (
                    f"{name} belongs in your own settings (`geppetto config path`), not in those of a directory: "
                    "they may be somebody else's, and your key and your conversations are yours."
                )
                raise self.wrong((*above, name), msg)
        for name, value in values.items():
            if isinstance(value, Path):
                values[name] = self._placed(name, value, (*above, name))
        return values

    def _placed(self, name: str, value: Path, keys: tuple[str, ...]) -> Path:
        """Return where the path *value* leads."""
        try:
            path = value.expanduser()
            here = self.path.parent.resolve()
            inside = not self.project or (here / path).resolve().is_relative_to(here)
        except (OSError, RuntimeError, ValueError) as error:
            msg = f"{name} is not a path that can be used ({escape_line(str(error))}). Name another."
            raise self.wrong(keys, msg) from error
        if not inside and name in _OUTPUTS:
            msg = f"{name} leads out of the directory, which its settings may not do. Name a path below it."
            raise self.wrong(keys, msg)
        return self.path.parent / path if name in _BESIDE else path


def _read(path: Path, *, project: bool) -> str | None:
    try:
        # Without O_NONBLOCK a pipe in its place would be waited for.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        msg = f"{shown(path)} cannot be read ({error.strerror}). Check who may read it."
        raise ConfigError(msg) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            msg = f"{shown(path)} is not a file. Remove it, or give it another name."
            raise ConfigError(msg)
        if not project and (status.st_uid not in {0, os.geteuid()} or status.st_mode & 0o022):
            msg = (
                f"{shown(path)} can be changed by others, so it could send your key elsewhere. Make it yours alone: "
                f"`chmod 600 {shown(path)}`."
            )
            raise ConfigError(msg)
        with os.fdopen(fd, "rb", closefd=False) as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        msg = f"{shown(path)} cannot be read ({error.strerror}). Check the disk."
        raise ConfigError(msg) from error
    finally:
        os.close(fd)
    if len(content) > _MAX_BYTES:
        msg = f"{shown(path)} has more than {_MAX_BYTES:,} bytes, which no file of settings needs. Shorten it."
        raise ConfigError(msg)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{shown(path)}:{line}: this is not UTF-8. Save the file as UTF-8."
        raise ConfigError(msg) from error


def _no_toml(path: Path, text: str, error: Exception) -> ConfigError:
    """Return the sentence for *text*, which is not TOML."""
    why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    found = _POSITION.search(why)
    line = ""
    if found is not None:
        line = f":{found['line'] or text.rstrip().count(chr(10)) + 1}"
        why = why[: found.start()]
    hint = "Correct it there."
    if re.search(r"^\s*profile\s*=", text, re.MULTILINE):
        hint = 'The profile to begin with is default_profile = "…"; profile is for the tables, [profile.azure].'
    return ConfigError(f"{shown(path)}{line}: this is not TOML ({escape_line(why)}). {hint}")
