"""The state repository as snapshots and swaps.

`repository` the contract · `git` the real one · `memory` its verified fake · `assemble` trees to snapshots ·
`read` bounded reading of a bare clone · `build` commits without a work tree · `push` the publish path ·
`message` commit messages of events · `people` edits of `main` · `setup` making and probing a repository ·
`log` the event log · `watch` waking up ·
`program`, `urls` the git program and what may reach it · `hook` the check of the bare remote.
"""
