"""The state repository in Git: a bare clone, its reader, its writer, heartbeats, upkeep."""
