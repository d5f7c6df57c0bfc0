"""The neck and raw heads of a small YOLO (as in YOLOv5 and v8): SPPF, path aggregation, three maps."""

import torch
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 96, 96)


class Conv(nn.Module):
    default_act = nn.SiLU()

    def __init__(self, c1, c2, k=1, s=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = self.default_act if act is True else nn.Identity()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c, shortcut=True):
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, 3), Conv(c, c, 3), shortcut

    def forward(self, x):
        return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


class C2f(nn.Module):
    def __init__(self, c1, c2, n=1, shortcut=False):
        super().__init__()
        self.c = c2 // 2
        self.cv1, self.cv2 = Conv(c1, 2 * self.c), Conv((2 + n) * self.c, c2)
        self.m = nn.ModuleList(Bottleneck(self.c, shortcut) for _ in range(n))

    def forward(self, x):
        y = list(self.cv1(x).split((self.c, self.c), 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class SPPF(nn.Module):
    def __init__(self, c1, c2, k=5):
        super().__init__()
        self.cv1, self.cv2 = Conv(c1, c1 // 2), Conv(c1 * 2, c2)
        self.m = nn.MaxPool2d(kernel_size=k, stride=1, padding=k // 2)

    def forward(self, x):
        x = self.cv1(x)
        y1 = self.m(x)
        y2 = self.m(y1)
        return self.cv2(torch.cat((x, y1, y2, self.m(y2)), 1))


class Yolo(nn.Module):
    def __init__(self, outputs=9):
        super().__init__()
        self.p3 = nn.Sequential(Conv(3, 8, 3, 2), Conv(8, 16, 3, 2), Conv(16, 24, 3, 2), C2f(24, 24, 1, True))
        self.p4 = nn.Sequential(Conv(24, 32, 3, 2), C2f(32, 32, 1, True))
        self.p5 = nn.Sequential(Conv(32, 48, 3, 2), SPPF(48, 48))
        self.up = nn.Upsample(None, 2, "nearest")
        self.n4, self.n3 = C2f(80, 32), C2f(56, 24)
        self.d4, self.d5 = Conv(24, 24, 3, 2), Conv(32, 32, 3, 2)
        self.m4, self.m5 = C2f(56, 32), C2f(80, 48)
        self.heads = nn.ModuleList(nn.Conv2d(c, outputs, 1) for c in (24, 32, 48))

    def forward(self, x):
        p3 = self.p3(x)
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.n4(torch.concat([self.up(p5), p4], 1))
        n3 = self.n3(torch.concat([self.up(n4), p3], 1))
        m4 = self.m4(torch.cat([self.d4(n3), n4], 1))
        m5 = self.m5(torch.cat([self.d5(m4), p5], 1))
        return [head(level) for head, level in zip(self.heads, (n3, m4, m5))]


def build():
    return settled(Yolo, IMAGE)
