"""Judge the return series of a tournament: metrics, confidence intervals and overfitting."""
