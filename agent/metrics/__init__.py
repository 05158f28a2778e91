"""Watching the watcher: what the main loop publishes, and an endpoint that says it.

The hot path counts batches, not lines. About once a second the main loop makes one immutable
``Snapshot`` of each input and puts it on the ``Board``; whoever asks over HTTP reads what lies
there, so nothing waits for anybody and there is no lock. An HTTP server is imported by ``Endpoint``
where it has an address, prometheus_client (3.3 MiB) when somebody asks for /metrics.
"""
