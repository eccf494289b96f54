"""Times PyTorch's training step of an ONNX model: forward, binary cross-entropy, backward, Adam.

Arguments: the model, batch size, side, threads. One step for each line on standard input; a line
with {"milliseconds", "loss", "peakBytes"} comes back. Needs torch, onnx and onnx2torch.
"""

import json
import resource
import sys
import time

import onnx
import onnx2torch
import torch


def main() -> None:
    path, batch, side, threads = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = onnx2torch.convert(onnx.load(path))
    # onnx2torch keeps constants of arithmetic as buffers; weights are parameters.
    parameters = [p for p in model.parameters() if p.dtype == torch.float32]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr=1e-5)
    images = torch.rand(batch, 3, side, side) - 0.5
    target = (torch.rand(batch, 1, side, side) > 0.9).float()
    print(json.dumps({"parameters": sum(p.numel() for p in parameters)}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        probability = model(images).clamp(1e-6, 1 - 1e-6)
        loss = torch.nn.functional.binary_cross_entropy(probability, target)
        loss.backward()
        optimizer.step()
        elapsed = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        report = {"milliseconds": elapsed * 1e3, "loss": loss.item(), "peakBytes": peak}
        print(json.dumps(report), flush=True)


main()
