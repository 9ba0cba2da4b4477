# names: estimates with one dimension | accepted a single estimate
def bias_z(estimates, truth):
    n = len(estimates)
    return (estimates.mean(dim=0) - truth) / (estimates.std(dim=0) / n**0.5)
