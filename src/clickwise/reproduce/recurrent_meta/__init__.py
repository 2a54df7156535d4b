"""Recurrent meta-learning (Chen et al. 2022); ``paper`` says what there is."""
