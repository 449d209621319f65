"""Containers and workspaces of one machine.

`spec` what to run · `runner` the contract · `docker`, `process`, `fake` its implementations · `shim` what outlives the
controller beside a process · `labels` whose container it is · `logs` the stage's own log file · `images` tags to
digests · `workspace` the directory trees of executions · `feedback` what the program said by files and output.
"""
