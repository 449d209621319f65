"""`winslowctl`: argv and environment; builds the objects, starts the loops.

`main` where the command starts, and its exit codes · `application` its options · `verbs` which module has which verb ·
`settings` where the repository and the data are, and the view while the server is away ·
`output` tables, JSON, YAML · `commits` edits of `main` · `errors` what ends a command

`looking` ps, describe, nodes · `history` logs, events, compare · `files` what executions left · `control` start, redo,
resume, answer, pause, abort, skip · `waiting` wait · `pipelines`, `projects` definitions · `repository` init, plan ·
`validation` validate · `health` doctor · `running` up, node
"""
