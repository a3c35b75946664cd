"""The host without defects: its relaxed supercell and its second derivatives."""
