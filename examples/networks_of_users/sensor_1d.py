"""Activities from six channels of an inertial sensor, 128 samples in time."""

from torch import nn
from torch.nn import functional as F

from networks_of_users.settling import settled

WINDOW = (6, 128)


class ResidualBlock1d(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.conv1 = nn.Conv1d(cin, cout, 5, padding=2 * dilation, dilation=dilation)
        self.bn1 = nn.BatchNorm1d(cout)
        self.conv2 = nn.Conv1d(cout, cout, 3, padding=1, groups=4, padding_mode="reflect")
        self.bn2 = nn.BatchNorm1d(cout)
        self.match = nn.Conv1d(cin, cout, 1) if cin != cout else None

    def forward(self, x):
        shortcut = x if self.match is None else self.match(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ActivityNet(nn.Module):
    def __init__(self, activities=6):
        super().__init__()
        self.block1, self.block2 = ResidualBlock1d(6, 24, 1), ResidualBlock1d(24, 32, 2)
        self.pool = nn.MaxPool1d(2)
        self.average = nn.AdaptiveAvgPool1d(1)
        self.dropout = nn.Dropout1d(0.1)
        self.fc = nn.Linear(32, activities)

    def forward(self, x):
        x = self.pool(self.block1(x))
        x = F.avg_pool1d(self.dropout(self.block2(x)), 2)
        x = self.average(x).squeeze(-1)
        return self.fc(x)


def build():
    return settled(ActivityNet, WINDOW)
