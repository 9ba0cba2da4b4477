"""Real processes: they compute what one process computes, and none outlives its `with` block."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest
import torch
import torch.distributed as dist

from noisydescent import processes
from noisydescent.problems import Logistic, MarkovLanguage
from noisydescent.processes import WorkerError, Workers, data_parallel_sgd, row_gradient, sequence_gradient
from tests.patience import HANG_SECONDS, until


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def gone(pids) -> bool:
    """Waits until none of the processes runs any more."""
    return until(lambda: not any(map(running, pids)), f"the end of {pids}")


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def busy_until_killed(folder) -> str:
    """Code that leaves a file in `folder` and then works for longer than any test waits."""
    return f"import os, time\nopen(f'{folder}/{{os.getpid()}}', 'w').close()\ntime.sleep({2 * HANG_SECONDS})"


@pytest.fixture(scope="module")
def two():
    """Two workers that all tests share which leave them whole; that they have one thread each is their own doing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)
        patch.delenv("MKL_NUM_THREADS", raising=False)
        with Workers(2) as workers:
            yield workers


@pytest.fixture(scope="module")
def logistic():
    return Logistic.gaussian_classes(300, dim=5, device="cpu")


def shards_of(sizes, steps=12, rows=300):
    drawn = torch.randint(rows, (steps, sum(sizes)), generator=torch.Generator().manual_seed(0))
    return drawn, drawn.split(sizes, dim=1)


def sgd(gradient, theta, batches, rate):
    for batch in batches:
        theta = theta - rate * gradient(theta, batch)
    return theta


@pytest.mark.parametrize("sizes", [(8, 8), (2, 30)])
def test_workers_are_one_process_with_all_samples(two, logistic, sizes):
    drawn, shards = shards_of(sizes)
    gradient, start = row_gradient(logistic), torch.zeros(5).double()
    thetas = two.run(data_parallel_sgd, [(gradient, start, shard, 0.5) for shard in shards])
    assert torch.equal(*thetas)
    assert torch.allclose(thetas[0], sgd(gradient, start, drawn, 0.5), rtol=0, atol=1e-13)


def test_without_weights_the_small_shard_counts_more(two, logistic):
    drawn, shards = shards_of((2, 30), steps=1)
    gradient, start = row_gradient(logistic), torch.zeros(5).double()
    theta, _ = two.run(data_parallel_sgd, [(gradient, start, shard, 0.5) for shard in shards], weighted=False)
    parts = [gradient(start, shard[0]) for shard in shards]
    assert torch.allclose(theta, -0.5 * (parts[0] + parts[1]) / 2, atol=1e-14)
    assert not torch.allclose(theta, -0.5 * gradient(start, drawn[0]), atol=1e-3)


def test_row_gradient_is_the_mean_over_its_rows(logistic):
    theta, rows = torch.ones(5).double(), torch.tensor([3, 3, 7])
    each = logistic.per_sample_gradients(theta)
    assert torch.allclose(row_gradient(logistic)(theta, rows), each[rows].mean(dim=0))


def test_a_transformer_on_workers(two):
    language = MarkovLanguage(width=8, layers=1, sequences=32, held_out=16, device="cpu")
    start = language.initial(1, torch.Generator().manual_seed(0))[0]
    batches = language.pool[:24].view(3, 8, -1)
    gradient = sequence_gradient(language)
    thetas = two.run(data_parallel_sgd, [(gradient, start, shard, 0.3) for shard in batches.split([6, 2], dim=1)])
    assert torch.equal(*thetas)
    alone = sgd(gradient, start, batches, 0.3)
    assert torch.allclose(thetas[0], alone, atol=1e-5) and (alone - start).abs().max() > 1e-3


def test_one_thread_each_and_the_loopback_interface_alone(two):
    assert two.run(torch.get_num_threads, [(), ()]) == [1, 1]
    assert two.run(dist.get_rank, [(), ()]) == [0, 1]
    two.run(dist.barrier, [(), ()])
    assert two.run(print, [("a",), ("b",)]) == [None, None], "what a worker prints is no reply"
    for pid in two.pids:
        addresses = {c.laddr.ip for c in psutil.Process(pid).net_connections("inet")}
        assert addresses <= {"127.0.0.1", "::1"}, addresses
        assert addresses, "a group of two is connected"


def test_arguments_that_do_not_fit(two):
    with pytest.raises(ValueError, match="each of 2 workers, got 1"):
        two.run(dist.get_rank, [()])
    with pytest.raises(ValueError, match="count"):
        Workers(0)
    with pytest.raises(RuntimeError, match="inside `with"):
        Workers(2).run(dist.get_rank, [(), ()])


def test_no_process_and_no_folder_is_left_after_the_block():
    before = children()
    with Workers(2) as workers:
        pids, folder = workers.pids, workers._folder.name
        assert set(pids) <= children() and os.path.isdir(folder)
    assert gone(pids) and children() == before
    assert not os.path.exists(folder) and workers.pids == []
    workers.close()
    with workers:
        assert workers.run(dist.get_rank, [(), ()]) == [0, 1], "they can be started again"


def test_no_process_is_left_after_an_exception_in_the_block():
    with pytest.raises(ZeroDivisionError), Workers(2) as workers:
        pids = workers.pids
        1 / 0  # noqa: B018
    assert len(pids) == 2 and gone(pids)


def test_an_exception_in_one_worker_is_raised_here_and_ends_all(logistic):
    """Worker 1 fails before the all-reduce that worker 0 waits in: nobody waits for the time limit."""
    gradient, start = row_gradient(logistic), torch.zeros(5).double()
    good, bad = torch.tensor([[1, 2]]), torch.tensor([[1, 5000]])
    with Workers(2, timeout=2 * HANG_SECONDS) as workers:
        pids = workers.pids
        with pytest.raises(WorkerError, match=r"(?s)worker [01]: Traceback"):
            workers.run(data_parallel_sgd, [(gradient, start, good, 0.1), (gradient, start, bad, 0.1)])
        assert gone(pids) and workers.pids == []
        with pytest.raises(RuntimeError, match="no worker process"):
            workers.run(dist.get_rank, [(), ()])


def test_a_worker_that_is_killed_is_noticed():
    with Workers(2) as workers:
        pids = workers.pids
        os.kill(pids[1], signal.SIGKILL)
        with pytest.raises(WorkerError, match="worker"):
            workers.run(dist.barrier, [(), ()])
        assert gone(pids)


def test_an_interrupt_ends_them_while_they_work(tmp_path):
    """As the kernel's interrupt does: SIGINT to this process, in the middle of `run`."""

    def interrupt():
        until(lambda: len(list(tmp_path.iterdir())) == 2, "both workers at work")
        os.kill(os.getpid(), signal.SIGINT)

    with Workers(2) as workers:
        pids = workers.pids
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            workers.run(exec, [(busy_until_killed(tmp_path),)] * 2)
        assert gone(pids)


def test_they_end_when_the_notebook_is_killed(tmp_path):
    """SIGKILL leaves no time to clean up: the workers see their standard input close."""
    code = (
        "from noisydescent.processes import Workers\n"
        "with Workers(2) as workers:\n    print(*workers.pids, flush=True)\n"
        f"    workers.run(exec, [({busy_until_killed(tmp_path)!r},)] * 2)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(map(running, pids))
    until(lambda: len(list(tmp_path.iterdir())) == 2, "both workers at work")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pids)


def test_a_start_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(processes, "_environment", lambda: {**os.environ, "PYTHONPATH": "", "PYTHONHOME": "/nowhere"})
    before = children()
    with pytest.raises(WorkerError, match=r"(?s)worker [01]: ended by itself.*encodings"):
        Workers(2).__enter__()
    assert children() == before
