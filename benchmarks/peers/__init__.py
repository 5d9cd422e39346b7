"""
The peers: each a small program, written as its users would.

    python -m benchmarks.peers.NAME PORT WAV [QUESTIONS]

Each connects, sets the session up, asks, writes the audio of all answers to one WAV, and prints the milliseconds from
each question to its first audio.
"""
