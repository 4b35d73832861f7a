"""The datasets of the synthetic municipality, a module each, named as the dataset.

A module has `generate(world)`, which writes the dataset's files in its native format by `world.write`, or below
`world.inbox` and tells `world.came` on which day each came, and returns the truth that it planted; `AFTER` names
datasets whose truth it reads.
"""
