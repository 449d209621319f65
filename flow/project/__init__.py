"""What is asked of one project, and judged of its files: requests to replies, pipelines that can never run."""
