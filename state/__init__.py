"""The state repository as snapshots and swaps.

`repository` the contract · `git` the real one · `memory`, `memory_server` its verified fake ·
`trees`, `assemble`, `project`, `parsed` two trees to a snapshot · `read`, `branch` a bare clone, read by object ids ·
`remote` its server, for reading · `build` commits without a work tree · `push` the publish path ·
`message` commit messages of events · `log` the event log · `people` edits of `main` ·
`revisions` commits and branches by name ·
`setup` making and probing a repository · `hook` the check of the bare remote · `watch` waking up ·
`tidy` packing · `program`, `urls` the git program and what may reach it.
"""
