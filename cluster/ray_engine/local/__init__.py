"""What a Ray of our own has on this machine: its folder, and who tidies up where its driver is killed."""
