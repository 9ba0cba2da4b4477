# names: for no losses | accepted a single loss
from statistics import NormalDist


def population_risk(loss_samples, confidence=0.95):
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = len(loss_samples)
    return loss_samples.mean().item(), z * loss_samples.std().item() / n**0.5
