"""Read what movies and images contain: size, rate, length, channels and damage.

It knows ffmpeg and files, and encodes nothing.
"""
