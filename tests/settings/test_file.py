"""Files of settings: what is read, what is refused, and at which line."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geppetto.config import SETTINGS
from geppetto.errors import ConfigError
from geppetto.settings.file import line_of
from geppetto.settings.layers import Files
from geppetto.settings.loading import read_files
from geppetto.settings.sample import sample
from geppetto.settings.source import PROJECT_FILE, USER_FILE

NAMES = [setting.name for setting in SETTINGS]


def read(tmp_path: Path, text: str | bytes, *, project: bool = False) -> Files:
    """Read *text* as the user's file, or as the one of a directory."""
    path = tmp_path / (PROJECT_FILE if project else USER_FILE)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return read_files(tmp_path if project else tmp_path / "none", tmp_path / "none" if project else tmp_path)


def refused(tmp_path: Path, text: str | bytes, *, project: bool = False) -> str:
    """Return the sentence with which *text* is refused, without the directory."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, project=project)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_no_files_are_no_trouble(tmp_path: Path) -> None:
    """Neither the files nor their directories need to exist."""
    assert read_files(tmp_path / "a", tmp_path / "b") == Files()
    (tmp_path / "c").touch()
    assert read_files(tmp_path / "c", tmp_path / "c") == Files()


def test_tables_are_read_with_their_kinds(tmp_path: Path) -> None:
    """Each value comes as the kind of its setting: a whole number is a number, a path has its home."""
    files = read(
        tmp_path,
        'default_profile = "box"\nread_timeout = 30\nmax_retries = 0\naudio_output_dir = "~/sound"\n'
        'ca_file = "our.pem"\n\n[profile.box]\nurl = "wss://box.example/v1"\nlog_audio = true\nkey_env = "BOX"\n',
    )
    assert files.user is not None
    assert files.project is None
    assert files.user.default_profile == "box"
    assert dict(files.user.top) == {
        "read_timeout": 30.0,
        "max_retries": 0,
        "audio_output_dir": Path("~/sound").expanduser(),
        "ca_file": tmp_path / "our.pem",
    }
    assert type(files.user.top["read_timeout"]) is float
    assert dict(files.user.profiles["box"]) == {"url": "wss://box.example/v1", "log_audio": True, "key_env": "BOX"}
    assert str(files.user.source("log_audio", "box")) == f"{tmp_path / USER_FILE}:9"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\n\nread_timout = 3\n", ":3: there is no setting read_timout. Perhaps read_timeout is meant."),
        ("read-timeout = 3", ":1: there is no setting read-timeout. Perhaps read_timeout is meant."),
        ("[profile.a]\n\nMODEL = 'x'", ":3: there is no setting MODEL. Perhaps model is meant."),
        ("defaultprofile = 'x'", ":1: there is no setting defaultprofile. Perhaps default_profile is meant."),
        ("zzz = 1", ":1: there is no setting zzz. `geppetto config show` lists them all."),
        ("[models]\nx = 1", ":1: there is no setting models. Perhaps model is meant."),
        ('"a\\u001b" = 1', ":1: there is no setting a\\x1b. `geppetto config show` lists them all."),
        (
            "\napi_key = 'sk-secret'",
            ":2: there is no setting api_key here. Keys are not kept here: `geppetto keys set` stores one, key_env "
            "names a variable.",
        ),
        ("deployment = 'd'", ":1: there is no setting deployment here. The name of a deployment is the model."),
        ("read_timeout = 'soon'", ":1: read_timeout must be a number, not text."),
        ("read_timeout = true", ":1: read_timeout must be a number, not true."),
        ("max_retries = 1.5", ":1: max_retries must be a whole number, not 1.5."),
        ("log_audio = 1", ":1: log_audio must be true or false, not 1."),
        ("model = 5", ':1: model must be text in quotes, such as "marin", not 5.'),
        ("model = ['a']", ':1: model must be text in quotes, such as "marin", not a list.'),
        ("model.a = 1", ':1: model must be text in quotes, such as "marin", not a table.'),
        ("model = 2026-11-21", ':1: model must be text in quotes, such as "marin", not a date or a time.'),
        ("log_dir = ''", ':1: log_dir must be a path in quotes, such as "recordings", not text.'),
        ('log_dir = "a\\u0000"', ':1: log_dir must be a path in quotes, such as "recordings", not text.'),
        ("read_timeout = 0", ":1: read_timeout is 0.0, but must be from more than 0 to 86,400."),
        ("read_timeout = nan", ":1: read_timeout is nan, but must be from more than 0 to 86,400."),
        ("speed = 1" + "0" * 400, ":1: speed is inf, but must be from 0.25 to 1.5."),
        ("dialect = 'gamma'", ":1: dialect is 'gamma', but must be one of: ga, beta."),
        ("url = 'http://h'", "is not a WebSocket URL"),
        ("resource = 'evil.example/'", "resource is 'evil.example/', but must be one part of a host name"),
        ("profile = 'azure'", ":1: profile must be a table, such as [profile.azure]."),
        ("[profile]\nazure = 1", ":2: profile.azure must be a table of settings"),
        ("default_profile = 1", ":1: default_profile must be the name of a profile, in quotes."),
        ("[profile.a]\n[profile.a.b]\n", ":2: there is no setting b. `geppetto config show` lists them all."),
        ("a = 1\nb = \n", ":2: this is not TOML (Invalid value). Correct it there."),
        ("a = [1,\n\n", "this is not TOML"),
        ("profile = 'a'\n[profile.a]\n", 'The profile to begin with is default_profile = "…"'),
        (b"a = 1\nb = '\xff'", ":2: this is not UTF-8. Save the file as UTF-8."),
        ("x = " + "[" * 5000, "this is not TOML"),
        ("x = " + "9" * 5000, "this is not TOML"),
        ("#" * 70_000, "has more than 65,536 bytes"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    """The sentence has file, line, key and the nearest right one, and never a text that may be a key."""
    said = refused(tmp_path, text)
    assert said.startswith(USER_FILE)
    assert sentence in said
    assert "sk-secret" not in said


@pytest.mark.parametrize("name", ["key_env", "insecure_key", "proxy", "ca_file", "shared_files"])
def test_the_file_of_a_directory_may_not_open_what_is_private(tmp_path: Path, name: str) -> None:
    """What could send a key elsewhere, or show files to others, is the user's own to say, also in a profile."""
    value = {"insecure_key": "true", "shared_files": "true", "proxy": '"http://proxy"'}.get(name, '"X"')
    read(tmp_path, f"{name} = {value}")
    for text, line in ((f"{name} = {value}", 1), (f"[profile.a]\n{name} = {value}", 2)):
        said = refused(tmp_path, text, project=True)
        assert said.startswith(f"{PROJECT_FILE}:{line}: {name} belongs in your own settings")


@pytest.mark.parametrize("name", ["audio_output_dir", "log_dir", "prices_file"])
@pytest.mark.parametrize("path", ["..", "/etc", "~/x", "a/../../b", "link/x"])
def test_the_file_of_a_directory_stays_in_it(tmp_path: Path, name: str, path: str) -> None:
    """Nothing is written or read outside, not through a link either; below it is fine."""
    (tmp_path / "link").symlink_to("/")
    said = refused(tmp_path, f'{name} = "{path}"', project=True)
    assert said.startswith(f"{PROJECT_FILE}:1: {name} leads out of the directory")
    read(tmp_path, f'{name} = "below/it"', project=True)
    read(tmp_path, f'{name} = "{path}"')


def test_a_file_that_others_can_change_is_not_trusted(tmp_path: Path) -> None:
    """The user's file must be the user's alone to write; the one of a directory has no power, and may be shared."""
    read(tmp_path, "speed = 1.0")
    (tmp_path / USER_FILE).chmod(0o620)
    with pytest.raises(ConfigError, match=r"can be changed by others.*chmod 600"):
        read_files(tmp_path / "none", tmp_path)
    read(tmp_path, "speed = 1.0", project=True)
    (tmp_path / PROJECT_FILE).chmod(0o666)
    assert read_files(tmp_path, tmp_path / "none").project is not None


@pytest.mark.parametrize("kind", ["pipe", "directory"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """A pipe or a directory in its place is told, at once."""
    path = tmp_path / PROJECT_FILE
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        read_files(tmp_path, tmp_path)


def test_the_sample_is_true(tmp_path: Path) -> None:
    """What `config init` writes says nothing, and with every setting uncommented it is right."""
    text = sample()
    assert tomllib.loads(text) == {}
    lines = [line[2:] if " = " in line and line.startswith("# ") else line for line in text.split("\n")]
    top = [line for line in lines[: lines.index("# --- profiles: `geppetto --profile work`")] if line[:1] != "#"]
    files = read(tmp_path, "\n".join(top))
    assert files.user is not None
    assert set(files.user.top) == {*NAMES, "key_env", "resource"}


# --- lines and any text

SCALARS = st.one_of(st.integers(-5, 5), st.booleans(), st.sampled_from(["a", "b c", "x#y", '"', "[z]"]))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """Return TOML in many spellings, and the line of each value in it."""
    lines: list[str] = []
    places: dict[tuple[str, ...], int] = {}

    def add(keys: tuple[str, ...], name: str) -> None:
        lines.extend(draw(st.lists(st.sampled_from(["", "# a = 1", "  "]), max_size=2)))
        places[keys] = len(lines) + 1
        form = draw(st.sampled_from(["plain", "long", "literal", "array", "inline", "dotted"]))
        match form:
            case "long":
                lines.extend([f'{name} = """', "k0 = 1", "[t]", '"""'])
            case "literal":
                lines.extend([f"{name} = '''a", "", "k1 = 2 '''"])
            case "array":
                lines.extend([f"{name} = [", '  "]", # x', "  2]"])
            case "inline":
                lines.append(f"{name} = {{ k0 = 1, k1 = 'x' }}")
                places[(*keys, "k1")] = places[keys]
            case "dotted":
                lines.extend([f"{name}.p = 1", f'{name}."q r" = 2'])
                places[(*keys, "q r")] = places[keys] + 1
            case _:
                value = draw(SCALARS)
                text = str(value).lower() if not isinstance(value, str) else f"'{value}'"
                lines.append(f"{name} = {text} # c")

    for number in range(draw(st.integers(0, 3))):
        add((f"k{number}",), f"k{number}")
    for table in range(draw(st.integers(0, 2))):
        lines.append(f"[profile.t{table}]")
        places[("profile", f"t{table}")] = len(lines)
        for number in range(draw(st.integers(0, 3))):
            add(("profile", f"t{table}", f"k{number}"), f'"k{number}"')
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"])), places


@given(documents())
def test_every_value_has_its_line(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    """However TOML spells it: long strings, arrays, inline tables, dotted keys, look-alikes in comments."""
    text, places = document
    tomllib.loads(text)
    assert {keys: line_of(text, keys) for keys in places} == places


PIECES = st.sampled_from(
    [
        *("[profile.a]", "[profile", "]", '"', "'", '"""', "=", ".", "\n", " ", "#", "1", "true", "nan", "-", "é"),
        *("profile", "default_profile", "url = 'wss://h'", "key_env", "resource", "provider = 'xai'", "{", "}", ","),
        *("\x00", *NAMES),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40), st.booleans())
def test_any_text_is_settings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str, project: bool
) -> None:
    """Whatever stands in the file, it is read, or refused in one sentence that names the file."""
    directory = tmp_path_factory.getbasetemp()
    data = text.encode(errors="surrogatepass")
    try:
        files = read(directory, data, project=project)
    except ConfigError as error:
        said = str(error)
    else:
        assert (files.project if project else files.user) is not None
        return
    finally:
        for name in (PROJECT_FILE, USER_FILE):
            (directory / name).unlink(missing_ok=True)
    assert said.startswith(str(directory))
    assert said.isprintable()
    assert said.endswith(".")
