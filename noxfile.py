"""
What can be run here: `nox` runs the tests, lint and types; `nox -s run -- ARGS` runs the chat.

Every session installs what it needs itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "lint", "types"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
INTERRUPT_TIMEOUT_S = 10.0
"""More than Geppetto's `shutdown_timeout`, so that Ctrl+C is its own graceful shutdown."""


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-e", ".[offline]", *nox.project.dependency_groups(PYPROJECT, *groups))


def _test(session: nox.Session) -> None:
    """Run the tests, each file in one of some processes: most of a test is waiting for a program that it started."""
    _install(session, "tests")
    session.run("pytest", f"--numprocesses={(os.cpu_count() or 1) + 1}", "--dist=loadfile", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with the Python that runs nox; what follows `--` goes to pytest."""
    _test(session)


@nox.session(python=PYTHONS, default=False)
def tests_all(session: nox.Session) -> None:
    """Run the tests with every supported Python."""
    _test(session)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Tell which lines the tests run, of what runs in their own process."""
    _install(session, "tests")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style; `nox -s lint -- --fix` mends what can be mended."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix", ".")
        session.run("ruff", "format", ".")
        return
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    _install(session, "types")
    session.install("nox")
    session.run("mypy")


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """Run sessions with random faults: `nox -s chaos -- --runs 10000 --jobs 2`, `-- --seed SEED --runs 1`."""
    _install(session, "tests")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz the parsers, guided by what they cover: `nox -s fuzz -- decoding -max_total_time=600`."""
    _install(session, "tests")
    session.install("atheris")
    session.run("python", "-m", "tests.fuzz.run", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure Geppetto against its peers: `nox -s bench`, `-- --quick`, `-- --only cpu,start`."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs, interrupt_timeout=INTERRUPT_TIMEOUT_S)


@nox.session(default=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel and run what was built, away from the source."""
    session.install("build")
    place = session.create_tmp()
    session.run("python", "-m", "build", "--wheel", "--outdir", place, silent=True)
    built = max(Path(place).glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime)
    session.install("--force-reinstall", str(built))
    with session.chdir(place):
        session.run("geppetto", "--version")
        session.run("geppetto", "--help", silent=True)


@nox.session(default=False)
def live(session: nox.Session) -> None:
    """Run the tests that talk to a paid service; needs OPENAI_API_KEY."""
    _install(session, "tests")
    session.run("pytest", "-m", "live", *session.posargs)


@nox.session(default=False)
def run(session: nox.Session) -> None:
    """Run the chat; what follows `--` goes to geppetto. Without a key it talks to the embedded server."""
    session.install("-e", ".[offline]", silent=True)
    args = list(session.posargs)
    elsewhere = ("--offline", "--url", "--help", "-h", "--version", "-V", "serve", "log")
    chosen = any(arg.split("=")[0] in elsewhere for arg in args)
    if not chosen and not os.environ.get("OPENAI_API_KEY") and not os.environ.get("GEPPETTO_URL"):
        session.warn("OPENAI_API_KEY is not set: talking to the embedded offline server (--offline).")
        args.insert(0, "--offline")
    session.run(
        "geppetto",
        *args,
        success_codes=[0, 130],  # leaving by Ctrl+C is no failure
        interrupt_timeout=INTERRUPT_TIMEOUT_S,
        terminate_timeout=INTERRUPT_TIMEOUT_S,
    )
