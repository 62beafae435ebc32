"""Ratios of chapter 4: training im2spec and spec2im here and with AtomAI's ImSpec; the simulator.

    python benchmarks/bench_ch04.py --atomai ENV/bin/python           # block of film 0, two seeds
    python benchmarks/bench_ch04.py --atomai ENV/bin/python --films   # films 1 to 12, test on 14
    python benchmarks/bench_ch04.py --simulator
    python benchmarks/bench_ch04.py --keep  # and write data/ch04/speed.csv

AtomAI wants an environment of its own. Of what it asks for, ImSpec needs neither torchvision,
which would bring a build of PyTorch for graphics cards with it, nor the windows of OpenCV; empty
modules stand in for the first:

    python -m venv ENV
    ENV/bin/pip install torch==2.13.0 numpy scipy pandas matplotlib scikit-learn scikit-image six \
        opencv-python-headless networkx progressbar2 gpytorch "mendeleev<=0.6.1"
    ENV/bin/pip install --no-deps atomai==0.8.1

Both get the same pairs, scaled alike, and the same split. AtomAI trains as its example does: mean
squared error, Adam at 1e-3, stochastic weight averaging; 120 epochs on a block (1200 batches of
64), or 1200 batches drawn from twelve films. Ours: the recipe of data/ch04/make_study.py, 640
batches. Both on one thread; ours with bfloat16 where the processor knows it. Times are of the
processor; on one shared by many both get longer, so look at their ratio. A direction takes five
minutes or more.
"""

import argparse
import itertools
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers.plasmons import learn
from helpers.plasmons.errors import relative_error
from helpers.plasmons.recording import simulate
from helpers.plasmons.spectra import plasmon_losses
from helpers.registry import ROOT

sys.path.insert(0, str(ROOT / "data" / "ch04"))
import make_study as study  # noqa: E402

TABLE = ROOT / "data" / "ch04" / "speed.csv"
LATENT = 10
CYCLES = {"block": 120, "film": 1200}  # epochs, or batches

ATOMAI = """
import json, sys, time, types
import numpy as np
def stand_in(name, **names):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(names)
stand_in("torchvision")
stand_in("torchvision.models", mobilenet_v2=None, resnet50=None, vgg16=None)
stand_in("torchvision.utils", make_grid=None)
import torch
from atomai.models import ImSpec
torch.set_num_threads(1)
kept = np.load("pairs.npz")
task = json.load(open("task.json"))
x, y = kept["x"], kept["y"]
more = {"encoder_downsampling": 16, "decoder_upsampling": True, "nblayers_encoder": 4}
more = more if x.ndim == 2 else {}
model = ImSpec(x.shape[1:], y.shape[1:], latent_dim=task["latent"], seed=task["seed"], **more)
start = time.process_time()
model.fit(x, y, kept["x_check"], kept["y_check"], full_epoch=task["epochs"], swa=True,
          training_cycles=task["cycles"], print_loss=1000, plot_training_history=False)
spent = time.process_time() - start
np.save("found.npy", model.predict(kept["x_test"], norm=False, verbose=False))
json.dump({"seconds": spent}, open("spent.json", "w"))
"""


def atomai(python, task, test, seed):
    """Error and seconds of AtomAI's ImSpec."""
    x, y = task.part(0)
    x_check, y_check = task.part(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.savez(
            folder / "pairs.npz", x=x, y=y, x_check=x_check, y_check=y_check,
            x_test=task.inputs[test],
        )  # fmt: skip
        cycles = CYCLES[task.split]
        about = {"latent": LATENT, "seed": seed, "epochs": task.split == "block", "cycles": cycles}
        (folder / "task.json").write_text(json.dumps(about))
        subprocess.run([python, "-W", "ignore", "-c", ATOMAI], cwd=folder, check=True)
        found = np.load(folder / "found.npy").reshape(task.targets[test].shape)
        spent = json.loads((folder / "spent.json").read_text())["seconds"]
    return relative_error(found, task.targets[test], task.axes).mean(), spent


def ours(task, test, seed):
    """Error and seconds of ours."""
    start = time.process_time()
    network, _ = study.trained(task, "ours", LATENT, seed)
    spent = time.process_time() - start
    found = learn.predict(network, task.inputs[test])
    return relative_error(found, task.targets[test], task.axes).mean(), spent


def compare(python, directions, split, film, seeds):
    """Rows of both, one pair after the other."""
    for direction in directions:
        task = study.Task(direction, split)
        test = task.rows[2][task.pairs.film[task.rows[2]] == film]
        for seed in seeds:
            pair = {"ours": ours(task, test, seed), "AtomAI": atomai(python, task, test, seed)}
            for name, (error, spent) in pair.items():
                yield direction, split, film, name, seed, error, spent
                print(f"{direction}, {split}, seed {seed}: {name} {error:.2f} %, {spent:.0f} s")
            error, spent = (pair["ours"][k] / pair["AtomAI"][k] for k in (0, 1))
            print(f"  error {error:.2f} and time {spent:.2f} of AtomAI's", flush=True)


def simulator():
    """Row of the time of one film."""
    simulate(0, shape=(34, 36), pixel_nm=2.0)  # modes of a cube are kept
    start = time.process_time()
    made = simulate(100)
    middle = time.process_time()
    plasmon_losses(made.counts)
    spent = middle - start, time.process_time() - middle
    print(
        f"{len(made.particles)} cubes, {made.counts.shape}: simulated in {spent[0]:.1f} s, reduced"
        f" to losses in {spent[1]:.1f} s of the processor"
    )
    yield "simulator", "film", 100, "ours", 0, np.nan, sum(spent)


def keep(row):
    """Add a row to the table, or replace its older version."""
    names = ["direction", "split", "film", "method", "seed", "error", "seconds"]
    new = pd.DataFrame([row], columns=names).assign(machine=platform.machine()).round(3)
    old = [pd.read_csv(TABLE)] if TABLE.exists() else []
    pd.concat([*old, new]).drop_duplicates(names[:5], keep="last").to_csv(TABLE, index=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atomai", help="python of the environment with AtomAI")
    parser.add_argument("--films", action="store_true", help="train on twelve films")
    parser.add_argument("--simulator", action="store_true")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1))
    parser.add_argument("--keep", action="store_true", help="add rows to data/ch04/speed.csv")
    parser.add_argument("--directions", nargs="+", default=study.DIRECTIONS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [simulator()] if asked.simulator else []
    if asked.atomai:
        split, film = ("film", 14) if asked.films else ("block", 0)
        rows.append(compare(asked.atomai, asked.directions, split, film, asked.seeds))
    for row in itertools.chain(*rows):
        if asked.keep:
            keep(row)


if __name__ == "__main__":
    main()
