"""Names that many want in the same second."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from geppetto.records.naming import OutputStem
from geppetto.records.wirelog import WireLog

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = datetime(2026, 11, 21, 10, 15, 2, tzinfo=UTC)
STEM = "audio_20261121_101502"


def test_a_crowd_gets_one_number_after_the_other(tmp_path: Path) -> None:
    """None is left out, none is given twice, and what somebody else has taken is passed over."""
    (tmp_path / f"{STEM}_30.wav").touch()
    stems = [OutputStem.reserve(tmp_path, NOW) for _ in range(40)]
    assert [stem.name for stem in stems] == [STEM, *(f"{STEM}_{number}" for number in range(2, 42) if number != 30)]
    logs = [WireLog.open(tmp_path, NOW) for _ in range(40)]
    assert [log.path.stem[20:] for log in logs] == ["", *(f"_{number}" for number in range(2, 41))]
    for stem in stems:
        stem.release()
    for log in logs:
        log.close()


def test_the_hundredth_does_not_look_at_all_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as many calls as the tenth."""
    opened: list[object] = []
    real = os.open

    def count(path: str, flags: int, mode: int = 0o777) -> int:
        opened.append(path)
        return real(path, flags, mode)

    stems = [OutputStem.reserve(tmp_path, NOW) for _ in range(100)]
    logs = [WireLog.open(tmp_path, NOW) for _ in range(100)]
    monkeypatch.setattr(os, "open", count)
    stems.append(OutputStem.reserve(tmp_path, NOW))
    logs.append(WireLog.open(tmp_path, NOW))
    assert stems[-1].name == f"{STEM}_101"
    assert len(opened) < 60
    for stem in stems:
        stem.release()
    for log in logs:
        log.close()


def test_a_name_that_is_free_again_is_used_again(tmp_path: Path) -> None:
    """Whoever begins and leaves without a word takes no number away."""
    for _ in range(3):
        stem = OutputStem.reserve(tmp_path, NOW)
        assert stem.name == STEM
        stem.release()
