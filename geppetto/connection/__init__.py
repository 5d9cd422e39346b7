"""Ring 2: TCP, TLS and the WebSocket. The only place of the client that imports trio_websocket."""
