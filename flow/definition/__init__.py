"""From the files of pipelines to whole ones: what one takes from another."""
