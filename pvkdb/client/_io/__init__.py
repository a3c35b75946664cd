"""Requests, responses, retries and progress, for both clients."""
