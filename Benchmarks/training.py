#!/usr/bin/env python3
"""Steps of training beside PyTorch: training.py OCTET [THREADS] [ROUNDS] > training.json

OCTET is the tool (`swift build -c release --product octet`). Both train the network of `octet train-demo` on a batch of 128 images, turn by
turn, each round in a process of its own; Benchmarks/report.py takes what this prints. It runs in an environment that has torch.
"""
import copy
import datetime
import json
import os
import subprocess
import sys
import time

import torch
from torch import nn
from torch.ao import quantization

BATCH = 128
SECONDS = 2.0
CASES = ["training step, float32", "training step, fake-quantized"]


def block(inputs, outputs, size, padding, groups=1):
    return [nn.Conv2d(inputs, outputs, size, padding=padding, groups=groups, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def network():
    return nn.Sequential(*block(1, 16, 3, 1), nn.MaxPool2d(2), *block(16, 32, 3, 1), nn.MaxPool2d(2), *block(32, 32, 3, 1, 32),
                         *block(32, 64, 1, 0), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(576, 128), nn.ReLU(), nn.Linear(128, 10))


def fake_quantized(model):
    """The same with batch norms and ReLUs fused and fake quantizers in place, as torch's eager mode makes it."""
    model = copy.deepcopy(model).train()
    triples = [[str(i), str(i + 1), str(i + 2)] for i in (0, 4, 8, 11)]
    quantization.fuse_modules_qat(model, triples + [["16", "17"]], inplace=True)
    model.qconfig = quantization.get_default_qat_qconfig("x86")
    model = nn.Sequential(quantization.QuantStub(), model, quantization.DeQuantStub())
    model[0].qconfig = model[1].qconfig
    return quantization.prepare_qat(model)


def torch_nanoseconds(name):
    torch.manual_seed(1)
    model = network().train()
    if name == CASES[1]:
        model = fake_quantized(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    images = torch.rand(BATCH, 1, 28, 28) * 2 - 1
    labels = torch.arange(BATCH) % 10
    times = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        start = time.perf_counter_ns()
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter_ns() - start)
    return min(times)


def run_torch(name, threads):
    words = [sys.executable, os.path.abspath(__file__), "--torch", name, str(threads)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def run_octet(tool, name, threads):
    words = [tool, "bench", "--training", "--json", "--filter", name, "--time-budget", str(SECONDS)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    text = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    result = json.loads(text)
    return result["version"], result["rows"][0]["least_ns"]


def main(tool, threads=1, rounds=3):
    version = ""
    rows = []
    for name in CASES:
        best = {"octet": float("inf"), "torch": float("inf")}
        for _ in range(rounds):
            version, time_taken = run_octet(tool, name, threads)
            best["octet"] = min(best["octet"], time_taken)
            best["torch"] = min(best["torch"], run_torch(name, threads))
        rows.append({"case": {"name": name}, "results": {who: {"min_ns": least} for who, least in best.items()}})
    contenders = {"octet": {"version": f"octet {version}"}, "torch": {"version": f"torch {torch.__version__}"}}
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(json.dumps({"suite": "training", "threads": threads, "date": date, "contenders": contenders, "rows": rows}, indent=1))


if len(sys.argv) == 4 and sys.argv[1] == "--torch":
    torch.set_num_threads(int(sys.argv[3]))
    print(torch_nanoseconds(sys.argv[2]))
elif len(sys.argv) > 1:
    main(sys.argv[1], *map(int, sys.argv[2:]))
else:
    sys.exit(__doc__)
