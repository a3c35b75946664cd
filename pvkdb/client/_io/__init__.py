"""Requests, answers, retries and progress, for both clients."""
