"""A single-shot detector with a feature pyramid (Lin et al. 2017): boxes and scores of all places."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from networks_of_users.settling import settled

IMAGE = (3, 96, 128)


def conv_bn(i, o, k=3, s=1):
    return nn.Sequential(
        nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.1, inplace=True)
    )


class FPN(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, out, 1) for c in channels)
        self.smooths = nn.ModuleList(nn.Conv2d(out, out, 3, padding=1) for _ in channels)

    def forward(self, features):
        maps = [lateral(f) for lateral, f in zip(self.laterals, features)]
        for i in range(len(maps) - 1, 0, -1):
            maps[i - 1] = maps[i - 1] + F.interpolate(maps[i], size=maps[i - 1].shape[-2:], mode="nearest")
        return [smooth(m) for smooth, m in zip(self.smooths, maps)]


class Detector(nn.Module):
    def __init__(self, classes=3, anchors=2, width=32):
        super().__init__()
        self.classes = classes
        self.stem = nn.Sequential(conv_bn(3, 16, s=2), conv_bn(16, 24, s=2))
        self.c3, self.c4, self.c5 = conv_bn(24, 32, s=2), conv_bn(32, 48, s=2), conv_bn(48, 64, s=2)
        self.fpn = FPN((32, 48, 64), width)
        self.tower = conv_bn(width, width)
        self.box = nn.Conv2d(width, 4 * anchors, 3, padding=1)
        self.cls = nn.Conv2d(width, classes * anchors, 3, padding=1)

    def forward(self, x):
        c3 = self.c3(self.stem(x))
        c4 = self.c4(c3)
        c5 = self.c5(c4)
        boxes, scores = [], []
        for level in self.fpn([c3, c4, c5]):
            level = self.tower(level)
            n = level.shape[0]
            boxes.append(self.box(level).permute(0, 2, 3, 1).reshape(n, -1, 4))
            scores.append(self.cls(level).permute(0, 2, 3, 1).reshape(n, -1, self.classes))
        return {"boxes": torch.cat(boxes, 1), "scores": torch.cat(scores, 1).sigmoid()}


def build():
    return settled(Detector, IMAGE)
