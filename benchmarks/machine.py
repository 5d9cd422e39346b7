"""What it was measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = ("trio", "trio-websocket", "wsproto", "openai", "websockets", "orjson")


def described() -> str:
    """Return machine, Python and libraries in a sentence or two."""
    versions = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"{_processor()}, {os.cpu_count()} cores; {versions}."
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(missing)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
