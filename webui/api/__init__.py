"""`/api/v1`: what the page shows and asks, as JSON that describes itself (`/api/v1/openapi.json`).

late        puts it together when it is first asked
service     puts the operations together, and their description
given       what an operation is given: the page, a snapshot, the person, checked ids
errors      one shape for everything that is refused
shape       gives that shape to what is refused before the API is reached
answers     shapes that several operations give
projects    list, one, make, change, delete        requests    ask, and what became of it
executions  records, logs, comparison, provenance  files       what is there, and taking it out
pipelines   definitions, checked by line           nodes       what they have and do, drains
events      what happened                          office      who asks, how old the view is, what waits to be sent

The `…_answers` modules hold the shapes of one subject.
"""
