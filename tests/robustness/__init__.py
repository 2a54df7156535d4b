"""Anything may be typed, written or cut short: the answer is right, or one line that names what is wrong."""
