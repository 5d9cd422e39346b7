"""
Fuzz the parsers, guided by what they cover: `python -m tests.fuzz.run [TARGET ...] [-LIBFUZZER_OPTION=VALUE ...]`.

Without a target all of them run, one after the other, 20 s each. Needs `atheris`. What is found stays in the
directory that TMPDIR names, as `TARGET-crash-…`; `python -m tests.fuzz.run TARGET FILE` runs it again. Exit status 1:
a finding.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_OPTIONS = ("-max_total_time=20", "-max_len=4096", "-rss_limit_mb=2048", "-timeout=10")
_SHOWN_CHARS = 6000
_STATISTIC = re.compile(r"^stat::(\w+): +(\d+)$", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z0-9_.-]{2,60}")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")


def fuzz(name: str, argv: list[str]) -> None:
    """Fuzz one target in this process, which does not come back."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["geppetto"]):
        targets = importlib.import_module("tests.fuzz.targets")
        mutation = importlib.import_module("tests.fuzz.mutation")

    def mutate(data: bytes, max_bytes: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            mutated: bytes | None = mutation.mutate_json(data, random)
            if mutated is not None and len(mutated) <= max_bytes:
                return mutated
        plain: bytes = atheris.Mutate(data, max_bytes)
        return plain

    mutator = {"custom_mutator": mutate} if name in targets.JSON_TARGETS else {}
    atheris.Setup([sys.argv[0], *argv], targets.TARGETS[name], **mutator)
    atheris.Fuzz()


def run(name: str, options: list[str], files: list[str], found_in: Path) -> bool:
    """Fuzz one target in a process of its own, tell how far it came, and return whether it found nothing."""
    from tests.fuzz.seeds import SEEDS

    with tempfile.TemporaryDirectory(prefix="geppetto-fuzz-", dir=_in_memory()) as directory:
        corpus = Path(directory, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(SEEDS[name]):
            (corpus / f"seed-{number}").write_bytes(seed)
        dictionary = Path(directory, "words")
        dictionary.write_text("".join(f'"{word}"\n' for word in sorted(_words(SEEDS[name]))))
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, *options]
        command += ["-print_final_stats=1", f"-artifact_prefix={found_in}/{name}-", f"-dict={dictionary}"]
        done = subprocess.run(
            [*command, *(files or [str(corpus)])],
            env={**os.environ, "TMPDIR": directory},
            capture_output=True,
            text=True,
            errors="replace",
        )
    log = done.stdout + done.stderr
    numbers = dict(_STATISTIC.findall(log))
    covered = _COVERED.findall(log)
    executions = int(numbers.get("number_of_executed_units", 0))
    edges, features, corpus_size = covered[-1] if covered else ("?", "?", "?")
    said = "nothing found" if done.returncode == 0 else f"FOUND SOMETHING ({done.returncode})"
    line = (
        f"{name:<13} {executions:>9,} executions  {edges:>5} edges  {features:>5} features  corpus {corpus_size:>4}"
    )
    print(f"{line}  {said}", flush=True)  # noqa: T201
    if done.returncode != 0:
        print(log[log.find("=== Uncaught") :][-_SHOWN_CHARS:], flush=True)  # noqa: T201
    return done.returncode == 0


def main(argv: list[str]) -> int:
    """Run what *argv* names, and return the exit status."""
    if argv[:1] == ["--one"]:
        fuzz(argv[1], argv[2:])
        return 0
    from tests.fuzz.targets import TARGETS

    options = [arg for arg in argv if arg.startswith("-")]
    given = {option.partition("=")[0] for option in options}
    options += [option for option in DEFAULT_OPTIONS if option.partition("=")[0] not in given]
    others = [arg for arg in argv if not arg.startswith("-")]
    files = [arg for arg in others if arg not in TARGETS and Path(arg).is_file()]
    names = [arg for arg in others if arg not in files]
    if unknown := sorted(set(names) - set(TARGETS)):
        print(f"No such target: {', '.join(unknown)}. There are: {', '.join(TARGETS)}.")  # noqa: T201
        return 2
    found_in = Path(tempfile.gettempdir())
    clean = [run(name, options, files, found_in) for name in names or TARGETS]
    return 0 if all(clean) else 1


def _words(seeds: Iterable[bytes]) -> set[str]:
    """Return the words in *seeds*, which libFuzzer puts elsewhere."""
    return {word.decode() for seed in seeds for word in _WORD.findall(seed)}


def _in_memory() -> str | None:
    """Return where files cost nothing: a repair flushes each one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
