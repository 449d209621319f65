"""The web page. Not there yet: `winslowctl` and the repository's own browser show everything it will show."""
