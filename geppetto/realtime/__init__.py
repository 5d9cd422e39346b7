"""Ring 1: the Realtime protocol as values and a state machine. No trio, no sockets, no files, no clock."""
