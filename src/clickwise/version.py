"""The version of clickwise, in one place."""

__version__ = "0.1.0"
