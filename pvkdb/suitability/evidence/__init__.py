"""What is known of a device or material for each criterion: reported, computed, predicted."""
