"""The page as a server: the application, headers, compression, streams, metrics, hooks."""
