"""What a device is worth in a network, and what else it can do, from its states or its model.

``puf`` has keys from arrays of states, and how good they are; ``protocols`` tests the behaviours
of nociceptors, short-term synapses and conditioning. See docs/networks.md.
"""
