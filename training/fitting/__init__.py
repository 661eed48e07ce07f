"""Fits models and exports them. The only place that imports scikit-learn, xgboost and the ONNX converters."""
