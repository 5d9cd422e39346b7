"""What is on this machine: versions, the key, directories, extras."""

from __future__ import annotations

import os
import platform
import re
import shutil
from importlib import metadata
from typing import TYPE_CHECKING, Final

import trio

from geppetto import __version__
from geppetto.doctor.check import Examination, ok, skipped, warning
from geppetto.errors import OutputFailed
from geppetto.records.modes import create_temporary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from geppetto.config import ClientConfig
    from geppetto.doctor.check import Finding

LOW_SPACE_BYTES: Final = 200 * 1024 * 1024
"""An hour of audio has 173 million bytes."""
_LIBRARIES: Final = ("attrs", "click", "h11", "python-socks", "trio", "trio-websocket", "wsproto")
_OPENAI_KEY: Final = re.compile(r"(sk-|ek_|eyJ)[\w.-]{16,}")
"""API keys, client secrets and bearer tokens of api.openai.com."""
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)[^;]*;.*\bextra\s*==\s*['\"]([\w.-]+)['\"]")
_WHAT_FOR: Final = {
    "offline": "the voice of the embedded server",
    "prices": "a maintained price list",
    "cluster": "runs on a cluster",
    "audio": "spoken questions in every format",
    "keyring": "keys in the system's keyring",
}


def versions() -> dict[str, str]:
    """Return the versions of Python, of Geppetto and of what it stands on, by name."""
    found = {"geppetto": __version__, "python": platform.python_version()}
    return found | {name: _version(name) or "not installed" for name in _LIBRARIES}


def system() -> dict[str, str]:
    """Return what kind of machine this is, without its name."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "implementation": platform.python_implementation(),
        "libc": " ".join(platform.libc_ver()).strip(),
    }


def examine_versions() -> Finding:
    """Tell which versions run."""
    found = versions()
    said = f"Geppetto {found['geppetto']} on {platform.python_implementation()} {found['python']}"
    return ok(f"{said}, {platform.system()} {platform.machine()}.", **found)


def examine_key(config: ClientConfig, source: str) -> Finding:
    """Tell where the key is from (*source*) and whether it looks like one, without any part of it."""
    key = config.api_key
    if key is None:
        return ok(f"{config.host} is asked without a key: none is known for it.", present=False)
    details = {"present": True, "source": source, "characters": len(key)}
    said = f"There is a key ({source})"
    if key[0] in "'\"" or key[-1] in "'\"":
        return warning(f"{said}, but it has quotation marks around it.", "Leave them out.", **details)
    if key.lower().startswith("bearer"):
        return warning(f"{said}, but it begins with 'Bearer'.", "Leave that out: it is added.", **details)
    if config.host in {"api.openai.com", "api.openai.com:443"} and not _OPENAI_KEY.fullmatch(key):
        return warning(
            f"{said}, but it does not look like one of {config.host}, which begins with sk-.",
            "Copy it again.",
            **details,
        )
    return ok(f"{said}, {len(key)} characters.", **details)


def examine_directory(directory: Path) -> Finding:
    """
    Tell whether files can be made in *directory*, and how much room there is; makes one file and removes it.

    Raises:
        OutputFailed: no file can be made there.
    """
    place = directory
    while not place.exists() and place.parent != place:
        place = place.parent
    step = "Check who may write there, or name another directory."
    try:
        if place == directory and directory.is_dir():
            descriptor, path = create_temporary(directory / "geppetto-doctor")
            try:
                os.write(descriptor, bytes(4096))
            finally:
                os.close(descriptor)
                path.unlink()
        elif not place.is_dir():
            msg = f"{place} is not a directory, so nothing can be written to {directory}. Name another directory."
            raise OutputFailed(msg)
        elif not os.access(place, os.W_OK | os.X_OK):
            msg = f"{directory} does not exist and cannot be made in {place}. {step}"
            raise OutputFailed(msg)
        free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        msg = f"{directory} cannot be written to ({(error.strerror or 'unknown reason').lower()}). {step}"
        raise OutputFailed(msg) from error
    state = "can be written to" if place == directory else "will be made when needed"
    details = {"path": str(directory), "exists": place == directory, "free_bytes": free_bytes}
    said = f"{directory} {state}; {_size(free_bytes)} are free."
    if free_bytes < LOW_SPACE_BYTES:
        return warning(said, "Make room: an hour of audio takes 173 MB.", **details)
    return ok(said, **details)


def extras() -> dict[str, list[str]]:
    """Return the packages of each extra of the installed Geppetto; empty when it is not installed as a package."""
    try:
        requirements = metadata.requires("geppetto") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is not None:
            found.setdefault(match[2], []).append(match[1])
    return found


def examine_extras(found: Mapping[str, list[str]]) -> Finding:
    """Tell which extras, *found* with their packages, are installed, and the one line that installs the others."""
    details: dict[str, object] = {}
    installed: list[str] = []
    missing: dict[str, str] = {}
    for name, packages in found.items():
        there = {package: version for package in packages if (version := _version(package)) is not None}
        lacking = [package for package in packages if package not in there]
        if lacking:
            missing[name] = f"{name} ({_WHAT_FOR[name]})" if name in _WHAT_FOR else name
            details[name] = {"installed": False, "missing": lacking}
        else:
            installed.append(f"{name} ({', '.join(f'{package} {version}' for package, version in there.items())})")
            details[name] = {"installed": True, "packages": there}
    said = f"Installed: {', '.join(installed)}." if installed else ""
    if not missing:
        return ok(said, **details)
    step = f'Run `python3 -m pip install "geppetto[{",".join(missing)}]"`'
    wanted = "if you want it" if len(missing) == 1 else "for all of them, or name those that you want"
    return skipped(f"{said} Not installed: {', '.join(missing.values())}.".strip(), f"{step} {wanted}.", **details)


def directory_examinations(config: ClientConfig) -> tuple[Examination, ...]:
    """Return the checks of the directories that a session writes to."""
    directories = {"audio_output": config.audio_output_dir, "logs": config.log_dir}
    return tuple(_threaded(name, examine_directory, directory) for name, directory in directories.items())


def extra_examinations() -> tuple[Examination, ...]:
    """Return the check of the extras, if it is known which there are."""
    found = extras()
    return (_threaded("extras", examine_extras, found),) if found else ()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _threaded(name: str, look: Callable[..., Finding], *args: object) -> Examination:
    async def in_thread() -> Finding:
        return await trio.to_thread.run_sync(look, *args)

    return Examination(name=name, look=in_thread)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
