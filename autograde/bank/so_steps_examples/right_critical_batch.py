def steps_and_examples(batch, s_min, e_min):
    """With the critical batch size."""
    if batch <= 0:
        raise ValueError("batch must be positive")
    if s_min <= 0:
        raise ValueError("s_min must be positive")
    if e_min <= 0:
        raise ValueError("e_min must be positive")
    critical = e_min / s_min
    return s_min * (1 + critical / batch), e_min * (1 + batch / critical)
