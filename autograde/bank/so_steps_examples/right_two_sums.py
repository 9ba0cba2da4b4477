def steps_and_examples(batch, s_min, e_min):
    for name, value in (("batch", batch), ("s_min", s_min), ("e_min", e_min)):
        if value <= 0:
            raise ValueError(f"{name} must be positive")
    return s_min + e_min / batch, e_min + batch * s_min
