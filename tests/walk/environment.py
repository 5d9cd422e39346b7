"""What the walk's shell knows of the machine: a home of its own, how packages are found, and no key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_PACKAGES: Final = frozenset(
    {
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle"),
    }
)


def environment(home: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a person whose home is *home*, who installs packages as it is done in *outer*."""
    kept = {name: value for name, value in outer.items() if name.startswith("PIP_") or name.lower() in _FOR_PACKAGES}
    kept.pop("PIP_REQUIRE_VIRTUALENV", None)
    real = Path(outer.get("HOME") or "/")
    kept.setdefault("PIP_CACHE_DIR", str(Path(outer.get("XDG_CACHE_HOME") or real / ".cache") / "pip"))
    configured = (Path(outer.get("XDG_CONFIG_HOME") or real / ".config") / "pip/pip.conf", real / ".pip/pip.conf")
    if files := [str(file) for file in configured if file.is_file()]:
        kept.setdefault("PIP_CONFIG_FILE", files[0])
    return {
        **kept,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "GEPPETTO_CONFIG_DIR": str(home / ".config/geppetto"),
        "GEPPETTO_DATA_DIR": str(home / ".local/share/geppetto"),
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
    }
