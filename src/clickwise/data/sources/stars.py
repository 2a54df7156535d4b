"""Labels of logs in which users rated items with up to five stars."""

LABELS = {"binary": (2, 1), "stars": (5, 3)}
"""Classes of each label, and the lowest that counts as a click: 4 stars and more against the rest, or one a star."""
