"""Watching the watcher: what the main loop publishes, and an endpoint that says it.

The hot path counts batches, not lines. About once a second the main loop makes one immutable
``Snapshot`` of each input and puts it on the ``Board``; whoever asks over HTTP reads what lies
there, so nothing waits for anybody and there is no lock. What prometheus_client and an HTTP server
take, 3.3 MiB, is imported by ``Endpoint`` when an address is configured, and not before.
"""
