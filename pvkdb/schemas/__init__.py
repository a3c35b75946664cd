"""The documents that travel: exported rows, calculations, rankings, envelopes of the service."""
