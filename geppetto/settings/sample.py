"""The file that `geppetto config init` writes: every setting, as a comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from geppetto.config import SETTINGS, ClientConfig
from geppetto.providers import PROVIDERS
from geppetto.settings.values import EXTRA_KEYS

_HEAD: Final = """\
# Settings of Geppetto. A flag goes before a GEPPETTO_ variable, that before ./geppetto.toml, that before this file.
# `geppetto config show` prints what holds, and where it comes from. Keys are not kept here: `geppetto keys set`.

# default_profile = "work"
"""
_PROFILES: Final = """

# --- profiles: `geppetto --profile work`

# [profile.work]
# provider = "azure"
# resource = "my-resource"
# model = "my-deployment"

# [profile.box]
# url = "wss://voice.example/v1/realtime"
# key_env = "BOX_KEY"
"""
_EXAMPLES: Final = {
    "provider": "openai",
    "proxy": "http://proxy.example:3128",
    "ca_file": "company.pem",
    "model": "gpt-realtime-2.1",
    "voice": "marin",
    "speed": 1.0,
    "temperature": 0.8,
    "max_output_tokens": 4096,
    "transcription_model": "gpt-realtime-whisper",
    "prices_file": "prices.toml",
    "key_env": "MY_KEY",
    "resource": "my-resource",
}
"""Where there is no default."""


def sample() -> str:
    """Return the text: TOML that says nothing yet, and still is TOML when any of its settings is uncommented."""
    default = ClientConfig()
    lines = [_HEAD]
    for setting in SETTINGS:
        choices = f" One of: {', '.join(setting.choices)}." if setting.choices else ""
        value = getattr(default, setting.name)
        lines.append(
            _lines(setting.name, _EXAMPLES[setting.name] if value is None else value, setting.help + choices)
        )
    lines += [_lines(name, _EXAMPLES[name], what) for name, what in EXTRA_KEYS.items()]
    lines.append(_PROFILES)
    lines.append("\n# Providers, which are profiles, too: `geppetto --profile xai`\n")
    lines += [f"#   {one.name:14} {one.what}{_key(one.key_variable)}\n" for one in PROVIDERS.values()]
    return "".join(lines)


def _lines(name: str, value: object, what: str) -> str:
    return f"\n# {what}\n# {name} = {_toml(value)}\n"


def _toml(value: object) -> str:
    """Return *value* in TOML, whose basic strings, numbers and switches are those of JSON."""
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _key(variable: str | None) -> str:
    return "" if variable is None else f"; its key: {variable}"
