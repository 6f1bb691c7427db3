"""The main system: one network that ranks windows and finds the moment in them."""
