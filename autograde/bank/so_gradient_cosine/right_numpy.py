import numpy as np


def gradient_cosine(g1, g2):
    if [np.shape(a) for a in g1] != [np.shape(b) for b in g2]:
        raise ValueError("the shapes of g1 do not match those of g2")
    a = np.concatenate([np.ravel(layer.numpy()) for layer in g1])
    b = np.concatenate([np.ravel(layer.numpy()) for layer in g2])
    denominator = np.linalg.norm(a) * np.linalg.norm(b)
    return np.dot(a, b) / denominator if denominator > 0 else 0.0
