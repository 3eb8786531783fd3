#!/usr/bin/env python3
"""A transformer's encoder layer in int8 beside PyTorch and OpenVINO: encoder.py OCTET [THREADS] [ROUNDS] > encoder.json

OCTET is the tool (`swift build -c release --product octet`). The layer has the sizes of BERT's base model, 768 features, 12 heads and 3072
hidden, on 128 tokens. Octet and torch quantize activations as they come, and so does OpenVINO with compressed weights; its static form
knows their ranges from a calibration. Everybody runs in turn with the others, each round in a process of its own, and outputs aren't
compared: weights are random. Benchmarks/report.py takes what this prints. It runs in an environment that has torch, openvino and nncf.
"""
import datetime
import json
import os
import subprocess
import sys
import time

SECONDS = 1.0
OCTET_ROW = "TransformerEncoderLayer, dynamic int8 and attention"
PEERS = ["torch", "openvino", "openvino-static"]


def torch_layer():
    import torch

    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    model = torch.nn.TransformerEncoderLayer(768, 12, 3072, batch_first=True).eval()
    return torch, model, torch.rand(1, 128, 768) * 2 - 1


def torch_call(threads):
    torch, model, x = torch_layer()
    torch.set_num_threads(threads)
    model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)

    def call():
        with torch.inference_mode():
            model(x)

    return f"torch {torch.__version__}", call


def openvino_call(threads, is_static):
    import nncf
    import openvino

    torch, model, x = torch_layer()
    with torch.inference_mode():
        converted = openvino.convert_model(model, example_input=x, input=[1, 128, 768])
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    if is_static:
        samples = nncf.Dataset([torch.rand(1, 128, 768).numpy() * 2 - 1 for _ in range(8)])
        converted = nncf.quantize(converted, samples, model_type=nncf.ModelType.TRANSFORMER)
    else:
        converted = nncf.compress_weights(converted)
        settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "128"
    request = openvino.Core().compile_model(converted, "CPU", settings).create_infer_request()
    values = x.numpy()
    return f"openvino {openvino.__version__.split('-')[0]}", lambda: request.infer([values])


def measured(name, threads):
    version, call = torch_call(threads) if name == "torch" else openvino_call(threads, name == "openvino-static")
    for _ in range(3):
        call()
    times = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return {"version": version, "min_ns": min(times)}


def run_peer(name, threads):
    words = [sys.executable, os.path.abspath(__file__), "--peer", name, str(threads)]
    text = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return json.loads(text.splitlines()[-1])


def run_octet(tool, threads):
    words = [tool, "bench", "--layers", "--json", "--time-budget", str(SECONDS)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    text = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    result = json.loads(text)
    least = {row["name"]: row["least_ns"] for row in result["rows"]}
    return {"version": f"octet {result['version']}", "min_ns": least[OCTET_ROW]}


def main(tool, threads=1, rounds=2):
    versions, best = {}, {}
    for _ in range(rounds):
        for name in ["octet"] + PEERS:
            result = run_octet(tool, threads) if name == "octet" else run_peer(name, threads)
            versions[name] = {"version": result["version"]}
            best[name] = min(best.get(name, float("inf")), result["min_ns"])
    rows = [{"case": {"name": "encoder layer, int8"}, "results": {name: {"min_ns": least} for name, least in best.items()}}]
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(json.dumps({"suite": "layers", "threads": threads, "date": date, "contenders": versions, "rows": rows}, indent=1))


if len(sys.argv) == 4 and sys.argv[1] == "--peer":
    print(json.dumps(measured(sys.argv[2], int(sys.argv[3]))))
elif len(sys.argv) > 1:
    main(sys.argv[1], *map(int, sys.argv[2:]))
else:
    sys.exit(__doc__)
