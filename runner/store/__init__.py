"""Workspaces without copies: content-addressed objects, manifests that name them, overlays that change them.

`objects` contents by digest · `digests` hashing, and what is already known · `manifest` a tree as a value ·
`checkout` a manifest as a folder · `upper` what a stage changed, read from its overlay · `overlay` whether this
machine can · `tree` looking at what an execution left or is writing · `edit` a person's change of it · `workspaces`
all of it for executions · `keep` what a stage left · `collect` what nobody names any more · `check` what
is damaged · `holes` files with holes · `writeback` writing early · `gate` who waits for whom.
"""
