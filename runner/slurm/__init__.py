"""Stages as jobs of a Slurm cluster: a partition that one node stands for."""
