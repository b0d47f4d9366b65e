"""How peers find each other, sans-IO."""
