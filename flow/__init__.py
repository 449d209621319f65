"""Decisions, as pure functions: no clock, no I/O, no randomness. Values in, values out.

`model` what the repository says, and what may follow what · `points` the points of a stage, and what a search proposes
`fold` what a project wants next · `project` requests to replies · `definition` pipelines put together
`node` what only one node knows · `placement` which node · `order` who goes first · `status`, `boards` for people
`reconcile` a node's next moves, as one value · `triggers` starts by themselves
"""
