"""
Many sessions in one process.

    python -m benchmarks.crowds.NAME PORT SESSIONS DIRECTORY DELTA_BYTES

Each connects all sessions, asks one question in each, writes every WAV below the directory, and prints what came of
it (JSON, see `report`).
"""
