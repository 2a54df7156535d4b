"""The four methods together; ``paper`` says what there is."""
