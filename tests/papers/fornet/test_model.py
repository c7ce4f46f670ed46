"""FoR-Net on timm backbones, the networks that it is compared with, and what they cost."""

from __future__ import annotations

import pytest
import timm
import torch

from ersm_lab.core.errors import UserError
from ersm_lab.nn.cost import network_cost, network_speed
from ersm_lab.papers.fornet import FoRNet
from ersm_lab.papers.fornet.networks import BASELINES, build_network
from ersm_lab.papers.fornet.schema import ARCHITECTURES, FoRNetHeadConfig, SegmentationBackboneConfig

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}


def network(architecture, classes, backbone, head=None):
    return build_network(
        architecture, classes, SegmentationBackboneConfig(**backbone), FoRNetHeadConfig.of(head)
    )


def tiny(**head):
    torch.manual_seed(0)
    return FoRNet("resnet18", 5, channels=16, low_project=4, backbone_kwargs=TINY, **head)


@pytest.mark.parametrize(
    ("name", "stride", "kwargs"),
    [
        ("resnet18", 8, TINY),
        ("resnet18", 16, TINY),
        ("resnet18", 32, TINY),
        ("convnext_atto", 8, {}),
        ("mobilenetv3_small_050", 8, {}),
        ("densenet121", 32, {"growth_rate": 4, "block_config": (1, 1, 1, 1)}),
    ],
)
def test_backbones_come_out_at_the_stride_that_they_state(name, stride, kwargs):
    """Breaks when low features are not those at stride 4, or a network that cannot be dilated claims that it is."""
    asked = 8 if name == "densenet121" else stride
    net = FoRNet(name, 3, asked, channels=8, low_project=4, backbone_kwargs=kwargs).eval()
    assert net.backbone.output_stride == stride
    with torch.no_grad():
        low, high = net.backbone(torch.randn(1, 3, 64, 96))
        output = net(torch.randn(2, 3, 50, 70))  # no multiple of anything
    assert low.shape[-2:] == (16, 24)
    assert high.shape[-2:] == (64 // stride, 96 // stride)
    assert output.logits.shape == (2, 3, 50, 70)


def test_the_published_size():
    """The published model has 50.17 M parameters and 224.6 G multiply-adds at 512 x 512 (the paper says 55.72 M, 243.6 G)."""
    cost = network_cost(FoRNet("resnet101", 19), (512, 512))
    assert cost.parameters == 50_168_948
    assert cost.multiply_adds / 1e9 == pytest.approx(224.6, abs=0.05)


def test_cost_by_hand_and_speed():
    cost = network_cost(torch.nn.Conv2d(3, 8, 3, padding=1), (10, 20))
    assert cost == (3 * 8 * 9 + 8, 3 * 8 * 9 * 200, (10, 20))
    net = tiny()
    speed = network_speed(net, torch.randn(1, 3, 32, 32), repeats=2)
    assert speed.seconds > 0
    assert speed.peak_bytes > 0
    assert net.training


def test_weights_of_a_file_reach_the_backbone(tmp_path):
    """Breaks when a timm state dict is loaded under other names, or only in part."""
    torch.manual_seed(5)
    whole = timm.create_model("resnet18", **TINY)
    torch.save(whole.state_dict(), tmp_path / "weights.pt")
    settings = {"name": "resnet18", "kwargs": TINY, "checkpoint": str(tmp_path / "weights.pt")}
    small = {"channels": 8, "low_project": 4}
    for architecture, get in (
        ("fornet", lambda n: n.backbone.net),
        ("deeplabv3plus", lambda n: n.backbone.model),
    ):
        # the library of the baselines builds its encoders without further keywords
        if architecture != "fornet":
            torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "weights.pt")
            settings["kwargs"] = {}
        net = network(architecture, 4, settings, small)
        expected = torch.load(tmp_path / "weights.pt", weights_only=True)
        assert torch.equal(get(net).state_dict()["layer4.0.conv1.weight"], expected["layer4.0.conv1.weight"])
    with pytest.raises(UserError, match="another architecture"):
        network("fornet", 4, {**settings, "name": "resnet34"}, small)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [("deeplabv3plus", "resnet18"), ("pspnet", "resnet18"), ("fpn", "resnet18"), ("segformer", "mit_b0")],
)
def test_baselines_take_images_of_any_size(architecture, name):
    pytest.importorskip("segmentation_models_pytorch")
    net = network(architecture, 4, {"name": name, "output_stride": 8}).eval()
    with torch.no_grad():
        output = net(torch.randn(1, 3, 50, 70))
        even = net(torch.randn(1, 3, 64, 64))
    assert output.logits.shape == (1, 4, 50, 70)
    assert even.logits.shape == (1, 4, 64, 64)
    assert output.importance_logit is None
    if architecture in ("deeplabv3plus", "pspnet"):
        assert net.backbone(torch.randn(1, 3, 64, 96))[-1].shape[-2:] == (8, 12)


@pytest.mark.parametrize(
    ("architecture", "backbone", "said"),
    [
        ("fornet", {"name": "resnet1888"}, "timm knows no 'resnet1888'; the nearest names are resnet"),
        ("fornet", {"name": "vit_tiny_patch16_224"}, "no features at stride 4"),
        ("fornet", {"name": "swin_tiny_patch4_window7_224"}, "does not give features"),
        ("fornet", {"output_stride": 12}, "must be 8, 16 or 32"),
        ("unet", {}, "must be one of fornet, deeplabv3plus"),
        ("deeplabv3plus", {"name": "resnet1888"}, "cannot be built on resnet1888"),
    ],
)
def test_networks_that_cannot_be_built_end_in_one_line(architecture, backbone, said):
    with pytest.raises(UserError) as error:
        network(architecture, 3, backbone)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


class Traced(torch.nn.Module):
    """What a deployed network gives: logits and importance."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        output = self.net(images)
        return output.logits, output.importance_logit


def exported(net, images):
    dynamic = torch.export.Dim.DYNAMIC
    return torch.export.export(
        net, (images,), dynamic_shapes={"images": {0: dynamic, 2: dynamic, 3: dynamic}}
    )


def test_torch_export_serves_a_second_size():
    """Breaks when a number of cells, or K, is frozen into the graph."""
    net = tiny().eval()
    program = exported(net, torch.randn(2, 3, 64, 96)).module()
    for size in ((2, 3, 64, 96), (1, 3, 96, 160)):
        images = torch.randn(size)
        with torch.no_grad():
            expected, found = net(images), program(images)
        torch.testing.assert_close(found.logits, expected.logits, rtol=1e-4, atol=1e-5)
        assert all(torch.equal(a, b) for a, b in zip(found.masks, expected.masks, strict=True))
        cells = (size[2] // 8) * (size[3] // 8)
        assert [int(mask[0].sum()) for mask in found.masks] == [
            round(r * cells) for r in (0.1, 0.2, 0.3, 0.4)
        ]


@pytest.mark.slow
def test_onnx_serves_a_second_size(tmp_path):
    """The same through ONNX, where sorting and rounding are other operators."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    net = tiny().eval()
    path = tmp_path / "fornet.onnx"
    torch.onnx.export(exported(Traced(net).eval(), torch.randn(2, 3, 64, 96))).save(str(path))
    session = runtime.InferenceSession(str(path))
    for size in ((2, 3, 64, 96), (1, 3, 96, 160)):
        images = torch.randn(size)
        with torch.no_grad():
            expected = net(images)
        logits, importance = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        torch.testing.assert_close(
            torch.from_numpy(importance), expected.importance_logit, rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(torch.from_numpy(logits), expected.logits, rtol=1e-4, atol=1e-5)


def test_every_architecture_of_the_settings_can_be_built():
    assert set(ARCHITECTURES) == {"fornet", *BASELINES}
