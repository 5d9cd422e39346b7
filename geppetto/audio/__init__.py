"""PCM16 and WAV files: pure arithmetic in `pcm` and `assembly`, the crash-safe file in `wav`."""
