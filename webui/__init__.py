"""The page: what needs you, what runs, what waits and why. It shows and asks; nothing runs here.

source    what is known now: the node's own view, or a clone of this page's own
site      pages and fragments (Flask), one blueprint for each kind of page
streams   server-sent events and what else streams (Starlette)
api       the same for programs, as JSON (FastAPI)
asking    forms to requests, and the outbox for times when the server is away
app       puts it together
"""
