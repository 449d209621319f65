"""What triggers want: times that are due, files that are new, ends of other projects, and what is made of each."""
