"""Who may look at the page and ask things of it.

who     persons and their roles, as everything else sees them
gate    puts the person into each request, or turns it away
"""
