"""MetaSelector (Luo et al. 2020); ``paper`` says what there is."""
