"""User-dependent gating (Yuan et al. 2022); ``paper`` says what there is."""
