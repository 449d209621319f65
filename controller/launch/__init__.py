"""Starting executions and collecting their ends, beside the rounds."""
