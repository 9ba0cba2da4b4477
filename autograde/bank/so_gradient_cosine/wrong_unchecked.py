# names: accepted 3 tensors in g1 and 2 in g2 | accepted layers of equal size
def gradient_cosine(g1, g2):
    dot = sum((a.reshape(-1) * b.reshape(-1)).sum().item() for a, b in zip(g1, g2))
    n1 = sum(a.square().sum().item() for a in g1) ** 0.5
    n2 = sum(b.square().sum().item() for b in g2) ** 0.5
    return dot / (n1 * n2) if n1 and n2 else 0.0
