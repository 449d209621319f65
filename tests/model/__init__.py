"""The claim protocol as an exhaustive model: every order of events of a small fleet, not only those that chance finds.

- `explorer.py`: breadth-first search over all reachable states, with the shortest way to what is wrong
- `world.py`: what a state is
- `rules.py`: the rules of the protocol, each of which can be broken, and the bounds of a run
- `protocol.py`: what nodes, network, people and time can do next
- `landing.py`: what a push does at the server, and the promises that are judged there
- `symmetry.py`: states that differ only in the names of nodes and slots are one
- `variants.py`: the rules broken one by one, each with the promise that breaks

`python -m tests.model` runs it; docs/model.md explains it.
"""
