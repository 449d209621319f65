"""One node: observe, decide, act.

`loop` the rounds · `observe` I/O in · `act` I/O out · `journal` what survives a crash, on a `disk` · `workshop` starting
and collecting executions in the background · `tree` the directories of executions · `heartbeat` the sign of life ·
`failpoints` where tests may kill it · `assemble` a node from its options.
"""
