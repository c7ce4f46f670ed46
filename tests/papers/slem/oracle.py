"""An independent learner: float64 PyTorch, autograd, one sample at a time, which keeps its whole weight path."""

from __future__ import annotations

import numpy as np
import padasip
import torch

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def learn(image, weights, order, window_size=5, learning_rate=0.05, activation="tanh", step="plain"):
    """(weight path (N + 1, n), errors (N,)) of one epoch over ``order`` (N, 2), rows and columns of windows.

    weights: per layer W and b, then w and b.
    """
    parameters = [
        torch.tensor(np.asarray(array, np.float64), dtype=torch.float64, requires_grad=True)
        for array in weights
    ]
    path, errors = [_flat(parameters)], []
    for row, column in order:
        window = image[row : row + window_size, column : column + window_size].astype(np.float64).ravel()
        middle = window.size // 2
        hidden = torch.tensor(np.delete(window, middle))
        for matrix, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            hidden = FUNCTIONS[activation](matrix @ hidden + bias)
        error = window[middle] - (parameters[-2] @ hidden + parameters[-1])
        gradient = torch.autograd.grad(error**2 / 2, parameters, retain_graph=step == "normalised")
        divisor = 1.0
        if step == "normalised":
            divisor = float(sum((part**2).sum() for part in torch.autograd.grad(error, parameters)))
        with torch.no_grad():
            for parameter, part in zip(parameters, gradient, strict=True):
                parameter -= learning_rate * part / divisor
        path.append(_flat(parameters))
        errors.append(error.item())
    return np.array(path), np.array(errors)


def entropy(path, memory, order=1, alphas=None):
    """padasip's Learning Entropy per sample: its mean over weights in the direct form, 0 while its windows hold raw weights."""
    found = padasip.detection.learning_entropy(
        path, m=memory, order=order, alpha=list(alphas) if alphas else False
    )
    found = found if alphas else found.mean(axis=1)
    found[: memory + order] = 0
    return found[1:]


def _flat(parameters):
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters])
