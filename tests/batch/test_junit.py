"""A report that CI systems read."""

from __future__ import annotations

import os
import re
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geppetto.batch.junit import JUnitReport
from geppetto.batch.result import Result
from geppetto.errors import OutputFailed
from geppetto.realtime.events import ResponseStatus
from geppetto.records.metrics import Latency
from geppetto.records.modes import FileModes
from geppetto.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable

GOOD = Result(
    index=1,
    id="sum",
    question="What is 12 times 7?",
    answer="84.",
    status="completed",
    audio_file="audio_output/a.wav",
    transcript_file="audio_output/a.txt",
    latency=Latency(done_ms=1250.0),
)
WRONG = msgspec.structs.replace(
    GOOD, index=2, id="wrong", failed_checks=("the answer does not match /85/", "no audio came")
)
FAILED = Result(index=3, id="failed", question="Why?", status="failed", reason="the server is busy")
EARLY = msgspec.structs.replace(WRONG, index=4, id="early", status="incomplete", reason="max_output_tokens")
ANY_TEXT = st.text(st.characters(), max_size=20)


def write(path: Path, results: Iterable[Result], redactor: Redactor | None = None) -> None:
    """Write *results*."""
    report = JUnitReport()
    for result in results:
        report.add(result)
    report.write(path, redactor=redactor)


def read(path: Path) -> ET.Element:
    """Return the one suite at *path*, after a look at its frame."""
    root = ET.fromstring(path.read_bytes())
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert root.attrib == suite.attrib
    return suite


def test_a_run_is_a_suite_of_cases(tmp_path: Path) -> None:
    """Counts and times are those of the cases."""
    write(tmp_path / "r.xml", [GOOD, WRONG, FAILED, EARLY])
    suite = read(tmp_path / "r.xml")
    assert suite.attrib == {
        "name": "geppetto",
        "tests": "4",
        "failures": "2",
        "errors": "1",
        "skipped": "0",
        "time": "3.750",
    }
    assert [case.attrib for case in suite] == [
        {"classname": "geppetto", "name": "sum", "time": "1.250"},
        {"classname": "geppetto", "name": "wrong", "time": "1.250"},
        {"classname": "geppetto", "name": "failed", "time": "0.000"},
        {"classname": "geppetto", "name": "early", "time": "1.250"},
    ]
    assert [[element.tag for element in case] for case in suite] == [
        ["system-out"],
        ["failure", "system-out"],
        ["error"],
        ["failure", "system-out"],
    ]


def test_a_failed_check_tells_what_was_asked_and_said(tmp_path: Path) -> None:
    """The first check is the message; all of them, the question and the answer are in the text."""
    write(tmp_path / "r.xml", [WRONG])
    failure = read(tmp_path / "r.xml")[0][0]
    assert failure.attrib == {"message": "the answer does not match /85/"}
    assert failure.text == (
        "the answer does not match /85/\nno audio came\nQuestion: What is 12 times 7?\nAnswer: 84."
    )


def test_an_error_tells_why(tmp_path: Path) -> None:
    """By the status and the reason; an answer that ended early is one, as for the exit status."""
    write(tmp_path / "r.xml", [FAILED, EARLY])
    failed, early = (case[0] for case in read(tmp_path / "r.xml"))
    assert failed.attrib == {"message": "failed: the server is busy"}
    assert failed.text == "failed: the server is busy\nQuestion: Why?"
    assert early.tag == "failure"


def test_files_are_attachments(tmp_path: Path) -> None:
    """In the notation that Jenkins and GitLab know."""
    write(tmp_path / "r.xml", [GOOD])
    assert read(tmp_path / "r.xml")[0][0].text == (
        "[[ATTACHMENT|audio_output/a.wav]]\n[[ATTACHMENT|audio_output/a.txt]]"
    )


def test_a_run_without_questions(tmp_path: Path) -> None:
    """An empty suite is a report, too."""
    write(tmp_path / "r.xml", [])
    assert read(tmp_path / "r.xml").get("tests") == "0"


@settings(deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=5, max_size=5), status=st.sampled_from(get_args(ResponseStatus)))
def test_any_text_makes_xml(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], status: ResponseStatus
) -> None:
    """What XML cannot say is made visible, and the rest comes back as it was."""
    given_id, question, answer, reason, check = texts
    path = tmp_path_factory.getbasetemp() / "any.xml"
    result = Result(
        index=1, id=given_id, question=question, answer=answer, status=status, reason=reason, failed_checks=(check,)
    )
    write(path, [result, msgspec.structs.replace(GOOD, audio_file=reason or None)])
    case = read(path)[0]
    if not re.search("[^\t\n -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", given_id):
        assert case.get("name") == given_id
    name = case.get("name", "")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", name)


def test_what_steers_a_terminal_is_visible(tmp_path: Path) -> None:
    """Logs of CI are read in terminals."""
    write(tmp_path / "r.xml", [msgspec.structs.replace(FAILED, reason="a\x1b[2J\ud800\uffff\x9b\r\nb <&\"'>")])
    assert read(tmp_path / "r.xml")[0][0].get("message") == "failed: a\\x1b[2J\\ud800\\uffff\\x9b"


def test_an_attribute_keeps_its_lines(tmp_path: Path) -> None:
    """A reader of XML takes a bare line's end for a space."""
    write(tmp_path / "r.xml", [msgspec.structs.replace(GOOD, id="a\n\tb")])
    assert read(tmp_path / "r.xml")[0].get("name") == "a\n\tb"


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """The whole is in the manifest."""
    write(tmp_path / "r.xml", [msgspec.structs.replace(WRONG, answer="x" * 1_000_000)])
    assert (tmp_path / "r.xml").stat().st_size < 5000


def test_the_key_is_taken_out(tmp_path: Path) -> None:
    """Also a key with characters that XML writes in another way."""
    key = "sk-<secret>&'key'"
    write(tmp_path / "r.xml", [msgspec.structs.replace(FAILED, reason=f"{key} is wrong")], Redactor.of([key]))
    assert read(tmp_path / "r.xml")[0][0].get("message") == "failed: [key] is wrong"


def test_the_file_is_for_the_user_alone_unless_shared(tmp_path: Path) -> None:
    """As all files of a run."""
    old = os.umask(0o022)
    try:
        write(tmp_path / "private.xml", [GOOD])
        report = JUnitReport()
        report.write(tmp_path / "shared.xml", FileModes.shared())
    finally:
        os.umask(old)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("private.xml", "shared.xml")]
    assert modes == [0o600, 0o644]


def test_an_old_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Through a symbolic link, too, which stays one; nothing else is left in the directory."""
    (tmp_path / "real.xml").write_text("old")
    (tmp_path / "link.xml").symlink_to("real.xml")
    with (tmp_path / "real.xml").open() as reader:
        write(tmp_path / "link.xml", [GOOD])
        assert reader.read() == "old"
    assert (tmp_path / "link.xml").is_symlink()
    assert read(tmp_path / "real.xml").get("tests") == "1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.xml", "real.xml"]


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    """The sentence names the file."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "r.xml"
    with pytest.raises(OutputFailed, match=f"^{re.escape(str(path))} cannot be written"):
        write(path, [GOOD])


def test_a_device_that_is_full() -> None:
    """A device is written to, and what it says is told."""
    with pytest.raises(OutputFailed, match=r"^/dev/full cannot be written"):
        write(Path("/dev/full"), [GOOD])


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """And is still one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write(pipe, [GOOD])
    reader.join(20)
    assert ET.fromstring(received[0])[0].get("tests") == "1"
    assert pipe.is_fifo()


def test_a_report_that_is_not_wanted_any_more() -> None:
    """Closing it leaves nothing behind, not even a warning."""
    report = JUnitReport()
    for _ in range(10_000):
        report.add(WRONG)
    report.close()


def test_many_results_take_little_memory(tmp_path: Path) -> None:
    """They wait in a file without a name."""
    report = JUnitReport()
    tracemalloc.start()
    try:
        for _ in range(6_000):
            report.add(WRONG)
        report.write(tmp_path / "r.xml")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2_500_000
    assert (tmp_path / "r.xml").stat().st_size > 1_500_000
