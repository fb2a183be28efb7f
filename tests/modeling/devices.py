"""Devices that code by torch is tested on: a CPU, by the name that never means numpy, and a GPU if any."""

import pytest
import torch

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU: this test did not run")
DEVICES = ["cpu:0", pytest.param("cuda", marks=NO_GPU)]
