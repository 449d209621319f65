"""From two trees to a snapshot: documents parsed once, folders that did not change kept."""
