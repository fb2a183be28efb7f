"""What is seen of a run while it goes: on a terminal, in logs, as metrics; and how long it still takes."""
