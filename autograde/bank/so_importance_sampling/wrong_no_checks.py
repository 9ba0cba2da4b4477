# names: accepted a p that sums | accepted a drawn row | accepted an empty idx
def importance_gradient(per_sample, p, idx):
    n = len(per_sample)
    return (per_sample[idx] / (n * p[idx])[:, None]).mean(dim=0)
