"""`winslowctl`: argv and environment; builds the objects, starts the loops.

`main` the command and its exit codes · `settings` where the repository and the data are · `output` tables, JSON, YAML ·
`looking` ps, describe, logs, events, compare, files, nodes · `control` start, redo, resume, answer, pause, abort, skip,
wait · `definitions` pipelines and projects · `repository` init, validate, plan, doctor · `running` up and node.
"""
