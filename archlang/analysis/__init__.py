"""Numbers about a network, in closed form from the IR: O(size of the text), never O(depth), and without jax."""
