"""Tables and plots from results.json and predictions.parquet; knows no model."""
