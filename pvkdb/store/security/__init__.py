"""API keys, the audit log, and answers kept for repeated requests."""
