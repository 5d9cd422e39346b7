"""Ring 2: what is kept of a session: file names, transcripts, the wire log, metrics."""
