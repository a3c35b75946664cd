"""Keys, the audit log, answers remembered for repeated requests."""
