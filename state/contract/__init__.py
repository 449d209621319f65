"""What a state repository promises, and the words of its commits and errors."""
