"""Spoken questions from files: a plain WAV byte for byte, and every other format that libsndfile reads."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.audio.pcm import SAMPLE_RATE_HZ
from geppetto.audio.reading import LEAST_S, MOST_S, ONE_MESSAGE_S, read_audio
from geppetto.audio.wav import streaming_header, wav_header
from geppetto.given_file import MESSAGE_BYTES
from geppetto.offline.desk import BUFFER_LIMIT_BYTES
from tests.audio.sounds import write_sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = int(LEAST_S * SAMPLE_RATE_HZ)
ROOT = Path(__file__).parents[2]


def write_wav(path: Path, pcm: bytes, *, rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1) -> Path:
    """Write *pcm* of 16 bit with the standard library; return *path*."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        wav.writeframes(pcm)
    return path


def sine(hz: float, length_s: float, rate_hz: int, *, peak: float = 0.5) -> NDArray[np.float64]:
    """Return a sine of one channel."""
    times_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return np.asarray(peak * np.sin(2 * np.pi * hz * times_s))


def samples(pcm: bytes) -> NDArray[np.float64]:
    """Return PCM16 as numbers of -1 to 1."""
    return np.frombuffer(pcm, "<i2") / 32_768


def noise(frames: int) -> bytes:
    """Return PCM16 in which no two places are alike."""
    return np.random.default_rng(7).integers(-32_768, 32_767, frames, endpoint=True).astype("<i2").tobytes()


def loudest_hz(pcm: bytes) -> float:
    """Return the frequency that is the strongest, to 1 Hz at 1 s."""
    found = samples(pcm)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    return float(np.argmax(spectrum) * SAMPLE_RATE_HZ / len(found))


@settings(deadline=None, max_examples=50)
@given(
    head=st.binary(max_size=400).map(lambda data: data[: len(data) // 2 * 2]),
    note=st.binary(max_size=9),
    tail=st.binary(max_size=9),
)
def test_a_plain_wav_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, note: bytes, tail: bytes
) -> None:
    """Whatever is in it, and whatever chunks of other kinds stand before the audio and behind it."""
    pcm = head + bytes(2 * FEWEST)
    path = write_wav(tmp_path_factory.mktemp("wav") / "a.wav", pcm)
    assert read_audio(path) == pcm
    plain = path.read_bytes()
    chunk = b"LIST" + len(note).to_bytes(4, "little") + note + bytes(len(note) % 2)
    path.write_bytes(plain[:36] + chunk + plain[36:] + b"id3 " + len(tail).to_bytes(4, "little") + tail)
    assert read_audio(path) == pcm


@pytest.mark.parametrize("header", [streaming_header(), wav_header(0)[:4] + bytes(4) + wav_header(0)[8:]])
def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path: Path, header: bytes) -> None:
    """As a pipe leaves it, with all ones for sizes or none; half a frame at the end is left out."""
    (tmp_path / "a.wav").write_bytes(header + noise(FEWEST) + b"\1")
    assert read_audio(tmp_path / "a.wav") == noise(FEWEST)


def test_a_header_that_python_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WAVE_FORMAT_EXTENSIBLE of the plain kind is plain, and needs no extra."""
    monkeypatch.setitem(sys.modules, "soundfile", None)
    pcm = noise(FEWEST)
    form = wav_header(0)[20:36]
    subformat = b"\x16\0\x16\0\4\0\0\0" + bytes.fromhex("0100000000001000800000aa00389b71")
    content = b"WAVEfmt \x28\0\0\0\xfe\xff" + form[2:] + subformat + b"data" + len(pcm).to_bytes(4, "little") + pcm
    (tmp_path / "a.wav").write_bytes(b"RIFF" + len(content).to_bytes(4, "little") + content)
    assert read_audio(tmp_path / "a.wav") == pcm


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        ("FLAC", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_24"),
        ("AU", "PCM_16"),
    ],
)
def test_nothing_is_lost_where_nothing_must_be(tmp_path: Path, form: str, subtype: str) -> None:
    """One channel at 24,000 Hz is the same 16 bit whatever holds it."""
    pcm = noise(3 * FEWEST)
    write_sound(tmp_path / "a", samples(pcm), SAMPLE_RATE_HZ, format=form, subtype=subtype)
    assert read_audio(tmp_path / "a") == pcm


@pytest.mark.parametrize(("form", "subtype"), [("WAV", "PCM_16"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)])
@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
def test_a_tone_stays_the_same_tone(
    tmp_path: Path,
    form: str,
    subtype: str | None,
    rate_hz: int,
) -> None:
    """In stereo and at other rates: of the same height, loudness and length."""
    tone = sine(440, 2.0, rate_hz)
    write_sound(tmp_path / "a", np.stack([tone, tone], axis=1), rate_hz, format=form, subtype=subtype)
    pcm = read_audio(tmp_path / "a")
    assert loudest_hz(pcm) == pytest.approx(440, abs=1)
    assert len(pcm) / 48_000 == pytest.approx(2.0, abs=0.005)
    inner = samples(pcm)[4_800:-4_800]
    assert np.max(np.abs(inner)) == pytest.approx(0.5, abs=0.06)  # an MP3 of 8,000 Hz is that far off
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.5 / np.sqrt(2), abs=0.01)


def test_resampling_leaves_no_seam_between_blocks(tmp_path: Path) -> None:
    """A long tone differs from the ideal one by less than its rounding, and is silent where there was none."""
    write_sound(tmp_path / "a.wav", sine(440, 10.0, 44_100), 44_100, subtype="FLOAT")
    found = samples(read_audio(tmp_path / "a.wav"))
    ideal = sine(440, 10.0, SAMPLE_RATE_HZ)
    assert len(found) == pytest.approx(len(ideal), abs=1)
    assert np.max(np.abs(found[500:-500] - ideal[500:-500])) < 2 / 32_768


def test_channels_are_averaged(tmp_path: Path) -> None:
    """Opposite ones are silence; a full one beside an empty one is half of it, and clips nothing."""
    tone = sine(440, 1.0, SAMPLE_RATE_HZ, peak=0.9)
    write_sound(tmp_path / "a.wav", np.stack([tone, -tone], axis=1), SAMPLE_RATE_HZ, subtype="FLOAT")
    assert not samples(read_audio(tmp_path / "a.wav")).any()
    write_sound(tmp_path / "b.wav", np.stack([tone, 0 * tone], axis=1), SAMPLE_RATE_HZ, subtype="FLOAT")
    assert np.allclose(samples(read_audio(tmp_path / "b.wav")), tone / 2, atol=1 / 32_768)


@pytest.mark.parametrize("rate_hz", [SAMPLE_RATE_HZ, 44_100])
def test_what_is_too_loud_is_clipped(tmp_path: Path, rate_hz: int) -> None:
    """It does not wrap round to the other sign."""
    write_sound(tmp_path / "a.wav", sine(10, 1.0, rate_hz, peak=8.0), rate_hz, subtype="FLOAT")
    found = samples(read_audio(tmp_path / "a.wav"))
    ideal = sine(10, 1.0, SAMPLE_RATE_HZ, peak=8.0)[: len(found)]
    assert (found.max(), found.min()) == (32_767 / 32_768, -1.0)
    assert np.all(np.sign(found[: len(ideal)]) * ideal > -0.5)


@pytest.mark.parametrize("rate_hz", [SAMPLE_RATE_HZ, 16_000])
def test_what_is_no_number_is_no_crash(tmp_path: Path, rate_hz: int) -> None:
    """NaN is silence, infinite and huge is full scale, and a moment later all is as it was."""
    tone = sine(440, 1.0, rate_hz)
    tone[rate_hz // 2 : rate_hz // 2 + 4] = [np.nan, np.inf, -np.inf, 3e38]
    write_sound(tmp_path / "a.wav", np.stack([tone, tone], axis=1), rate_hz, subtype="FLOAT")
    found = samples(read_audio(tmp_path / "a.wav"))
    ideal = sine(440, 1.0, SAMPLE_RATE_HZ)
    assert np.allclose(found[500:11_500], ideal[500:11_500], atol=0.01)
    assert np.allclose(found[12_500:23_500], ideal[12_500:23_500], atol=0.01)


@settings(deadline=None, max_examples=25)
@given(
    rate_hz=st.sampled_from((1, 50, 999, 11_025, 24_000, 655_350)),
    channels=st.sampled_from((1, 2, 7)),
    bits=st.lists(st.floats(width=32), min_size=1, max_size=50),
)
def test_any_samples_at_any_rate_are_audio(
    tmp_path_factory: pytest.TempPathFactory, rate_hz: int, channels: int, bits: list[float]
) -> None:
    """Nothing raises, and the length is right."""
    path = tmp_path_factory.mktemp("odd") / "a.wav"
    frames = max(2, rate_hz // 5)
    block = np.resize(np.asarray(bits, "float32"), (frames, channels))
    write_sound(path, block, rate_hz, subtype="FLOAT")
    assert len(read_audio(path)) / 48_000 == pytest.approx(frames / rate_hz, rel=0.02)


def test_a_flac_from_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """Its header does not say how long it is."""
    pcm = noise(50_000)
    write_sound(tmp_path / "a.flac", samples(pcm), SAMPLE_RATE_HZ)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert read_audio(tmp_path / "a.flac") == pcm


def test_the_limits_fit_what_they_are_taken_from() -> None:
    """The embedded server's buffer holds the longest; one message holds the longest of its kind, in base64."""
    assert MOST_S * 48_000 <= BUFFER_LIMIT_BYTES
    assert MESSAGE_BYTES * 0.9 < ONE_MESSAGE_S * 48_000 * 4 / 3 < MESSAGE_BYTES * 0.95


def test_memory_holds_the_result_and_a_block(tmp_path: Path) -> None:
    """Not the file, however many channels and bits it has."""
    write_sound(tmp_path / "a.wav", np.zeros((44_100 * 60, 4), "float32"), 44_100, subtype="FLOAT")
    read_audio(write_wav(tmp_path / "b.wav", bytes(48_000), rate_hz=48_000))  # whatever is imported
    tracemalloc.start()
    try:
        pcm = read_audio(tmp_path / "a.wav")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pcm) == 60 * 48_000
    assert peak_bytes < 1.3 * len(pcm) + 2_000_000


def test_without_the_extra(tmp_path: Path) -> None:
    """A plain WAV needs none, nor does it import any; for another file the sentence holds the install line."""
    write_wav(tmp_path / "plain.wav", noise(FEWEST))
    write_sound(tmp_path / "other.flac", samples(noise(FEWEST)), SAMPLE_RATE_HZ)
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('numpy', 'soundfile', 'soxr')))\n"
        "from pathlib import Path\n"
        "from geppetto.audio.reading import read_audio\n"
        "from geppetto.errors import MissingExtra\n"
        "print(len(read_audio(Path('plain.wav'))))\n"
        "try:\n"
        "    read_audio(Path('other.flac'))\n"
        "except MissingExtra as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.splitlines() == [
        str(2 * FEWEST),
        "other.flac is no WAV of one channel, 16 bit, 24,000 Hz: to read other files, run "
        '`python3 -m pip install "geppetto[audio]"`.',
    ]
