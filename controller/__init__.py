"""One node: observe, decide, act.

`loop` the rounds · `journal` what survives a crash, on a `disk` · `workshop` starting and collecting executions beside
the rounds · `trees`, `folders` the directories of executions · `heartbeat` the sign of life · `failpoints` where tests
may kill it · `assemble` a node from its options.
"""
