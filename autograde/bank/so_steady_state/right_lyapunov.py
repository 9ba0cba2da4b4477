import torch


def steady_state_variance(eigs, noise_var, lr, batch_size, momentum=0.0):
    """Fixed point of the covariance of (theta, previous theta), direction by direction; stability from eigenvalues."""
    if batch_size < 1:
        raise ValueError("batch_size")
    if not 0 <= momentum < 1:
        raise ValueError("momentum")
    noise = torch.as_tensor(noise_var, dtype=torch.float64)
    if noise.ndim == 1 and len(noise) != len(eigs):
        raise ValueError("noise_var has the wrong length")
    if (noise < 0).any():
        raise ValueError("noise_var < 0")
    noise = noise.expand(len(eigs))
    out = []
    for lam, s2 in zip(eigs.tolist(), noise.tolist()):
        A = torch.tensor([[1 + momentum - lr * lam, -momentum], [1.0, 0.0]], dtype=torch.float64)
        if torch.linalg.eigvals(A).abs().max() >= 1 - 1e-12:
            raise ValueError("unstable: lr is too large, or an eigenvalue in eigs is not positive")
        Q = torch.zeros(2, 2, dtype=torch.float64)
        Q[0, 0] = lr**2 * s2 / batch_size
        system = torch.eye(4, dtype=torch.float64) - torch.kron(A, A)
        out.append(torch.linalg.solve(system, Q.flatten())[0])
    return torch.stack(out).to(eigs.dtype)
