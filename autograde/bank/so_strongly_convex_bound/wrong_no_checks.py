# names: batch size 0 | batch size -3
def strongly_convex_bound(d0_sq, lr, mu, noise_trace, batch_size, steps):
    return (1 - lr * mu) ** steps * d0_sq + lr * noise_trace / (mu * batch_size)
