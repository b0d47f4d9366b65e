"""The unstructured family: neighbours by HyParView, content by flooding."""
