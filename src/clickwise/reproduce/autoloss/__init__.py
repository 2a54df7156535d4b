"""AutoLoss (Zhao et al. 2021); ``paper`` says what there is."""
