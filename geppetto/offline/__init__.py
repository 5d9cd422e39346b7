"""A wing of its own: the embedded Realtime server. Shares only `realtime`, `audio`, `errors` and `status`."""
