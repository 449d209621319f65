"""What one project wants next: its chains, folded from the replies, and the slots and waits of the latest one."""
