"""What nodes say to each other over HTTP: files, logs and nudges. Correctness never rests on it."""
