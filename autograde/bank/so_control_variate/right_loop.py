def control_variate(f, h, h_mean):
    if f.dim() != 1 or h.dim() != 1:
        raise ValueError("f, h: one dimension")
    f, h = f.tolist(), h.tolist()
    n = len(f)
    if len(h) != n:
        raise ValueError("h has another length than f")
    if min(h) == max(h):
        raise ValueError("h is constant")
    mf = sum(f) / n
    mh = sum(h) / n
    sff = sfh = shh = 0.0
    for a, b in zip(f, h):
        sff += (a - mf) ** 2
        sfh += (a - mf) * (b - mh)
        shh += (b - mh) ** 2
    c = sfh / shh
    after = sum((a - mf - c * (b - mh)) ** 2 for a, b in zip(f, h))
    return [mf - c * (mh - h_mean), after / sff]
