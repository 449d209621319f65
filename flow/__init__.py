"""Decisions, as pure functions: no clock, no I/O, no randomness. Values in, values out.

`world` what the repository says · `local` what only this node knows · `change` what is to be committed ·
`chains` the fold of replies · `advance` what each project wants next · `interpolate` inputs into commands ·
`controls` requests to replies · `placement` which node · `leases` what observers may conclude ·
`transitions` what may follow what · `decide` a node's next moves, as one value (`held`, `stewardship`, `take` beneath
it; `draft`, `orders`, `actions` as its material) · `memo` remembering · `views`, `plan`, `compare` for people ·
`clock` the protocol of time.
"""
