"""Carrying out a run: from a request to what is left of it, and off to the driver and the workers.

The only room that brings the definition of a run, the scheduler, Ray and the workers together.
"""
