def steps_and_examples(batch, s_min, e_min):
    """The equation of the hyperbola, solved for S by bisection."""
    arguments = {"batch": batch, "s_min": s_min, "e_min": e_min}
    for name in arguments:
        if arguments[name] <= 0:
            raise ValueError(name + " must be positive")

    def excess(steps):
        return (steps / s_min - 1) * (batch * steps / e_min - 1) - 1

    low = max(s_min, e_min / batch)
    high = 2 * (s_min + e_min / batch)
    for _ in range(200):
        middle = (low + high) / 2
        if excess(middle) > 0:
            high = middle
        else:
            low = middle
    return [low, batch * low]
