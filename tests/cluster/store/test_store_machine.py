"""A store in a folder keeps its promises in any order of what writers, readers and accidents do."""

from tests.contracts.store_machine import machine_over, new_folder

TestStoreInAFolder = machine_over(new_folder, examples=15, steps=12)
