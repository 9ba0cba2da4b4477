# names: batch size 0
def expected_square_norm(mean_grad, cov_trace, batch_size):
    return mean_grad.square().sum().item() + cov_trace / batch_size
