"""How many files and sockets this process has open."""

from __future__ import annotations

from pathlib import Path


def open_descriptors() -> int:
    """Return how many there are, where the system tells; else 0."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0
