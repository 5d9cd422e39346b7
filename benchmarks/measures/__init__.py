"""One module for each measure: `measure(quick)` returns its findings. `quick` is the same with less work."""
