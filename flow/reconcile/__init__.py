"""A node's decision, in the order in which it is made: what it holds, what it stewards, what it takes."""
