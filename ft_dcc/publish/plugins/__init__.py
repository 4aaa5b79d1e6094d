"""The suite's own pyblish plugins: collectors, validators, extractors and integrators.

They hand values on through slots and know nothing of the runner or of each other's attributes.
"""
