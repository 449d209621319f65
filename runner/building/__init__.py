"""Images that a Docker Engine makes from folders of the repository, as containers of the runner's contract."""
