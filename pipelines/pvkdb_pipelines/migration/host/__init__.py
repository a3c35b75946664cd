"""The host without defect: its relaxed supercell and second derivatives."""
