"""Changes that people make to `main`: one commit each."""
