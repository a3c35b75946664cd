"""Evidence on devices and materials for each criterion: reported, computed, predicted."""
