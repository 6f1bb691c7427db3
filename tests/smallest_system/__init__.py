"""The smallest system that the contract holds; copy it to begin a baseline.

It finds no windows (`--matcher RUN` chooses them), and two objectives learn in turn: the parts that every
other system leaves out.
"""
