"""Real Go beside our interpreter: the program that renders, how answers are compared, and where templates come from."""
