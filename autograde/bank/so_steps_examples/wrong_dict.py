# names: returned a dict
def steps_and_examples(batch, s_min, e_min):
    for k, v in dict(batch=batch, s_min=s_min, e_min=e_min).items():
        if not v > 0:
            raise ValueError(k)
    S = s_min + e_min / batch
    return {"S": S, "E": S * batch}
