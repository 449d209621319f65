"""What a repository browser shows, as Markdown: the root board, a project's, a plan's."""
