"""How a network was trained, as columns of the table `networks`."""

from typing import Any

from modeling.networks.training_state import TrainedNetwork


def training_row(network: str, trained: TrainedNetwork, n_train: int, seconds: float) -> dict[str, Any]:
    """All but method and fold; `n_train` are the examples learned from."""
    return {
        "network": network,
        "layers": list(trained.network.sizes),
        "n_train": n_train,
        "epochs": len(trained.losses),
        "best_epoch": trained.epoch,
        "train_loss": trained.train_loss,
        "validation_loss": trained.validation_loss,
        "status": "failed" if trained.failure else "ok",
        "reason": trained.failure or None,
        "seconds": seconds,
    }
