import pytest

from autograde.worker.delegation import delegation_in_source


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch\ndef f(p): return torch.optim.SGD(p)", "torch.optim.SGD"),
        ("from torch import optim\ndef f(p): return optim.AdamW(p)", "torch.optim.AdamW"),
        ("from torch.optim import Adam as A\ndef f(p): return A(p)", "torch.optim.Adam"),
        ("import torch.optim as o\ndef g(p): return o.SGD(p)\ndef f(p): return g(p)", "torch.optim.SGD"),
        ("def f(p):\n    from torch.optim import lr_scheduler as s\n    return s.StepLR", "torch.optim.lr_scheduler.StepLR"),  # noqa: E501
        ("import torch\nRule = torch.optim.SGD\ndef f(p): return Rule(p)", "torch.optim.SGD"),
        ("import importlib\ndef f(p): return importlib.import_module('torch.optim.sgd')", "torch.optim.sgd"),
        ("import torch\nclass f(torch.optim.SGD): pass", "torch.optim.SGD"),
        # Allowed: the base classes, comparing elsewhere in the cell, words in a docstring.
        ("import torch\nclass f(torch.optim.Optimizer): pass", None),
        ("import torch\ndef f(p): return p\nreference = torch.optim.SGD([torch.ones(1)])\nassert f(1)", None),
        ("import torch\ndef f(p):\n    'Like torch.optim.SGD.'\n    return p", None),
        ("def f(p): return p.optim.SGD", None),
        # Comparing in a loop or a block binds names that the answer has as its own parameters and variables.
        ("import torch\nfor lr in [1]:\n    o = torch.optim.SGD([1], lr)\n    loss = o\ndef f(lr):\n    loss = lr\n    return loss", None),  # noqa: E501
        ("import torch\nwith x as p:\n    q = torch.optim.SGD(p)\ndef f(p): return p", None),
        ("import torch\nfor lr in [1]:\n    o = torch.optim.SGD([1])\ndef f(p): return lr", None),
        ("import torch\nif True:\n    o = torch.optim.SGD\ndef f(p): return o(p)", "torch.optim.SGD"),
        ("import torch\nfor o in [torch.optim.SGD]: pass\ndef f(p): return o(p)", "torch.optim.SGD"),
        ("import torch\ntry:\n    1 / 0\nexcept ValueError:\n    o = torch.optim.SGD\ndef f(p):\n    def g():\n        return o(p)\n    return g()", "torch.optim.SGD"),  # noqa: E501
        ("import torch\nif (o := torch.optim.SGD): pass\nf = lambda p: o(p)", "torch.optim.SGD"),
        ("import torch\ndef f(p):\n    global o\n    o = torch.optim.SGD\n    return o(p)", "torch.optim.SGD"),
        ("def f(p) return", None),
    ],
)  # fmt: skip
def test_what_the_source_hands_over(source, found):
    assert delegation_in_source(source, ["f"]) == found
