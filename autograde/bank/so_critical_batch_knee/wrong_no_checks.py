# names: accepted a per_sample with one dimension
def simple_critical_batch(per_sample):
    mean = per_sample.mean(dim=0)
    signal = mean.square().sum().item()
    if signal == 0:
        return float("inf")
    return (per_sample - mean).square().sum().item() / len(per_sample) / signal
