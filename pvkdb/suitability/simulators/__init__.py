"""Devices as parameters of array and network simulators."""
