"""torchvision without torch._dynamo computes the same, and torch._dynamo works afterwards."""

import subprocess
import sys

import pytest

# Each in a process of its own: torchvision is imported once in a process.
LEAN = """
import sys
from gaittake.pose import vision
assert "torch._dynamo" not in sys.modules
import torch
from torchvision.ops import roi_align
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
found = roi_align(torch.arange(64.0).reshape(1, 1, 8, 8), boxes, output_size=2)
assert found.shape == (1, 1, 2, 2)
assert "torch._dynamo" not in sys.modules
"""
AFTERWARDS = """
from gaittake.pose import vision
import torch._dynamo.utils, torchvision.ops.roi_align as module
assert callable(torch._dynamo.explain)
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2)).tolist() == [2, 2]
real = torch._dynamo.utils.is_compile_supported
assert vision.is_compile_supported is not real
for device in ("cpu", "cuda", "mps"):
    assert vision.is_compile_supported(device) == bool(real(device))
"""
BEFORE = """
import torch._dynamo
from gaittake.pose import vision
import torchvision.ops.roi_align
assert torch._dynamo.explain
"""
# As a torchvision that needs another function of torch._dynamo would.
ANOTHER = """
import sys
class Refusing:
    def find_spec(self, name, *_):
        found = sys.modules.get("torch._dynamo")
        stands_in = found is not None and not hasattr(found, "explain")
        if name == "torchvision.ops.roi_align" and stands_in:
            raise ImportError("cannot import name 'another' from 'torch._dynamo.utils'")
sys.meta_path.insert(0, Refusing())
from gaittake.pose import vision
import torch
assert torch._dynamo.explain
assert vision.KeypointRCNN.__module__.startswith("torchvision")
assert torch.ops.torchvision.nms(torch.zeros(1, 4), torch.ones(1), 0.5).tolist() == [0]
"""


@pytest.mark.parametrize(
    "code", [LEAN, AFTERWARDS, BEFORE, ANOTHER], ids=["lean", "afterwards", "before", "another"]
)
def test_torchvision_is_imported(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
