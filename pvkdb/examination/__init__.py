"""Accuracy of networks built from a device, its behaviours and keys, from its states or its model.

``examine`` gives every device the same examination: networks trained in place (``training``),
weights copied into devices (``inference``, ``torch_networks``), spiking layers (``spiking``) and
reservoirs (``reservoir``), with the model of a device (``device``) and pictures to learn
(``images``). ``puf`` has keys from arrays of states, and how good they are; ``protocols`` tests the
behaviours of nociceptors, short-term synapses and conditioning. See docs/networks.md.
"""
