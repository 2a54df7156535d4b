"""What a prediction is worth, and whether a difference is larger than chance."""
